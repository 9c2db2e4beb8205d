"""How often verdicts are wrong where nothing is true: tables, races and equivalence, simulated.

    python benchmarks/verdict_null.py [--sweeps 2000]

Sweeps of equal configurations, whose scores are normal, or accuracies: counts over 216 samples
that are right with a chance of .97, or over 360 with .95. Every seed has an effect that all of its
scores share. What is judged is the library's own code. A given configuration is called behind in
the share that is the mean over all, since all are alike. The table of a fixed number of seeds is
made at each n from 3 to 40, and the worst n counts. The race may look after every seed up to 40;
who has left stays away, so what counts is its worst moment.

Then pairs whose scores are strongly correlated, so that their differences are a few whole steps:
how often the evidence misleads at some time up to 40 seeds, over how often it may, at the limits
of 2, 5, 20 and 50 configurations. Last, two one-sided tests where the true difference is exactly
the margin, and races with a margin of which one configuration is exactly that far behind.

Of two configurations a unique best is claimed in 5 % by construction: the test is two-sided. So
their figures have no goal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import measuring
import numpy as np
from measuring import Figure
from scipy.special import betaincc, betaln

from espalier.analysis.anytime_tests import Array, log_evidence
from espalier.analysis.equivalence import Answer, answer
from espalier.analysis.multiple_best import are_behind, rivals
from espalier.analysis.race_decisions import RaceRules, RaceStatus, decide
from espalier.core.measures import VAL_ACC

ALPHA, CAP = 0.05, 40
SIZES = (2, 5, 20, 50)
FIXED = range(3, CAP + 1)
RULES = RaceRules(ALPHA, margin=0, first_seeds=2, max_seeds=CAP)
SPREADS = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)  # of a difference, in steps
EDGES = tuple(product((3, 5, 10, 20, 40), (0.1, 0.3, 0.5, 1.0)))  # seeds, spread over margin
SPREAD = (0.3, 0.6)  # of a score, in margins
GOAL = "<= 5"
HEAD = (
    "| scores | equal | % behind, the worst n | % unique best, the worst n "
    "| race: % behind | race: % unique best |",
    "|---|---:|---:|---:|---:|---:|",
)
Draw = Callable[[np.random.Generator, int, int], Array]


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--sweeps", type=int, default=2000, help="(default: %(default)s)")
    args = parser.parse_args()
    rng = np.random.default_rng(15)
    figures, rows = list[Figure](), list(HEAD)
    for (name, draw), size in product(NOISES.items(), SIZES):
        made = equal_ones(f"{name}, {size} equal", draw, rng, size, args.sweeps)
        figures += made
        rows.append(f"| {name} | {size} | {' | '.join(f'{each.value:.1f}' for each in made)} |")
    figures += [*correlated(rng, 50 * args.sweeps), *edges(rng, args.sweeps)]
    figures += [edge_of_race(rng, size, sd, args.sweeps) for size, sd in product(SIZES[:3], SPREAD)]
    chance = 196 * math.sqrt(ALPHA * (1 - ALPHA) / args.sweeps)
    notes = [f"{args.sweeps} sweeps: a share of 5 % of so many is known to +/- {chance:.1f}"]
    measuring.tell(args, figures, notes, texts={"table": "\n".join(rows)})


def normal(rng: np.random.Generator, size: int, seeds: int) -> Array:
    """Return scores (size, seeds) whose noise is as large as the effect of a seed."""
    return rng.normal(0, 1, seeds) + rng.normal(0, 1, (size, seeds))


def accuracy(samples: int, chance: float) -> Draw:
    """Return a draw of accuracies in %, where the log-odds of a seed have a spread of .3."""

    def draw(rng: np.random.Generator, size: int, seeds: int) -> Array:
        odds = math.log(chance / (1 - chance)) + rng.normal(0, 0.3, seeds)
        right = rng.binomial(samples, 1 / (1 + np.exp(-odds)), (size, seeds))
        return np.asarray(100 * right / samples)

    return draw


NOISES: dict[str, Draw] = {
    "normal": normal,
    "binomial(216, .97)": accuracy(216, 0.97),
    "binomial(360, .95)": accuracy(360, 0.95),
}


def equal_ones(
    name: str, draw: Draw, rng: np.random.Generator, size: int, sweeps: int
) -> list[Figure]:
    """Return how often equal configurations are called behind, and how often one is left."""
    behind, alone = np.zeros((2, len(FIXED)))
    left = won = 0
    for _ in range(sweeps):
        scores = draw(rng, size, CAP)
        for place, n in enumerate(FIXED):
            worse = are_behind(scores[:, :n], ALPHA).sum()
            behind[place] += worse
            alone[place] += worse == size - 1
        survivors = len(decide(scores.tolist(), RULES, VAL_ACC).survivors)
        left += size - survivors
        won += survivors == 1
    shares = {
        f"a given one called behind, the worst of n = 3 to {CAP}": behind.max() / size,
        "a unique best, the worst n": alone.max(),
        "a given one called behind in a race": left / size,
        "a race has a unique best": won,
    }
    percent = {what: 100 * float(count) / sweeps for what, count in shares.items()}
    measuring.say(f"{name}: {percent}")
    goal = GOAL if size > 2 else ""
    return [Figure(f"{name}: {what}", [value], "%", goal) for what, value in percent.items()]


def correlated(rng: np.random.Generator, pairs: int) -> list[Figure]:
    """Return the worst share of pairs that mislead over that allowed, of three forms."""
    worst = {"t without the step": 0.0, "t with the step": 0.0, "signs alone": 0.0}
    for spread, shape in product(SPREADS, (apart, rounded)):
        steps = shape(rng, spread, pairs)
        for name, logs in zip(worst, forms(steps), strict=True):
            highest = logs.max(axis=1)
            for size in SIZES:
                allowed = ALPHA / rivals(size)
                share = float((highest >= -math.log(allowed)).mean()) / allowed
                worst[name] = max(worst[name], share)
    what = "correlated pairs mislead at some time: the worst share over that allowed"
    goals = {"t with the step": "<= 1", "signs alone": "<= 1"}
    return [Figure(f"{what}, {n}", [x], "x", goals.get(n, "")) for n, x in worst.items()]


def apart(rng: np.random.Generator, spread: float, pairs: int) -> Array:
    """Return differences (pairs, seeds) in samples of 216, of which only some are not shared."""
    number = rng.binomial(216, spread**2 / 216, (pairs, CAP))
    return np.asarray(2.0 * rng.binomial(number, 0.5) - number)


def rounded(rng: np.random.Generator, spread: float, pairs: int) -> Array:
    """Return normal differences, rounded to whole steps."""
    return np.round(rng.normal(0, spread, (pairs, CAP)))


def forms(steps: Array) -> list[Array]:
    """Return logarithms of e-values after each of differences in steps, in three forms."""
    n = np.arange(1.0, CAP + 1)
    sums = (n, steps.cumsum(axis=1), (steps**2).cumsum(axis=1))
    above, below = (steps > 0).cumsum(axis=1), (steps < 0).cumsum(axis=1)
    return [log_evidence(*sums, 0.0), log_evidence(*sums, 1.0), log_signs(above, below)]


def log_signs(above: Array, below: Array) -> Array:
    """Return logarithms of e-values from signs: the mean of products of 1 + b * sign, b in 0..1.

    Source: Robbins 1970, "Statistical methods related to the law of the iterated logarithm".
    """
    a, b = above + 1.0, below + 1.0
    logs = (a + b - 1) * math.log(2) + betaln(a, b) + np.log(betaincc(a, b, 0.5))
    return np.asarray(logs)


def edges(rng: np.random.Generator, sweeps: int) -> list[Figure]:
    """Return the error of equivalence at the margin's edge: of each number of seeds and spread."""
    smooth = [edge(rng.normal(1, sd, (sweeps, n)), 1.0) for n, sd in EDGES]
    lumpy = [edge(one_point(rng, sweeps, n), 1.0) for n in (3, 5, 10, 20, 40)]
    what = "equivalent, though the difference is the margin, the worst"
    return [
        Figure(f"normal: {what} of {len(EDGES)}", [max(smooth)], "%"),
        Figure(f"normal: {what.removesuffix('the worst')}all", [float(np.mean(smooth))], "%", GOAL),
        Figure(f"binomial(216, .97) against .96: {what} n", [max(lumpy)], "%"),
    ]


def one_point(rng: np.random.Generator, pairs: int, n: int) -> Array:
    """Return differences of accuracies that are 1 point in truth, with common seed effects."""
    chance = np.clip(rng.normal(0.97, 0.005, (pairs, n)), 0.95, 0.99)
    right = rng.binomial(216, chance) - rng.binomial(216, chance - 0.01)
    return np.asarray(100 * right / 216)


def edge_of_race(rng: np.random.Generator, size: int, sd: float, races: int) -> Figure:
    """Return how often races say within of one that is exactly the margin, 1, behind the others."""
    rules, said = RaceRules(ALPHA, margin=1.0, first_seeds=2, max_seeds=CAP), 0
    means = np.array([-1.0] + [0.0] * (size - 1))[:, None]
    for _ in range(races):
        state = decide((means + rng.normal(0, sd, (size, CAP))).tolist(), rules, VAL_ACC)
        said += state.decisions[0].status is RaceStatus.WITHIN
    what = f"race of {size}, spread {sd:g} of the margin: within, though one is the margin behind"
    return Figure(what, [100 * said / races], "%", GOAL)


def edge(differences: Array, margin: float) -> float:
    """Return the share in % of rows that are said to be equivalent."""
    said = [answer(row, ALPHA, margin).answer for row in differences.tolist()]
    return 100 * said.count(Answer.EQUIVALENT) / len(said)


if __name__ == "__main__":
    main()
