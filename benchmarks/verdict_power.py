"""What a race costs and finds on gaps that were measured here, against 20 fixed seeds.

    python benchmarks/verdict_power.py [--races 500] [--seeds 20]

Five tables: both of apoptosis (docs/apoptosis.md), the smallest dendritic layer (docs/dendrites.md)
and sparse training (docs/growth.md), read from their records in results/, and the grid of pruning
methods of defconfigs/digits-methods-range, which is run with --seeds seeds. Races are simulated:
the configurations of a table have its means; noise is normal with the deviations it has from seed
to seed, by itself for each configuration, and accuracies are rounded to whole samples. What is
judged is the library's own code, at alpha 0.05.

`over 20 seeds` is the trials of a race over those of 20 seeds for every configuration. The race
goes on to 40 seeds where it must; `as well as 20 seeds` ends at the first number of seeds at which
no more configurations are left than the table of 20 fixed seeds leaves; 41 says that none of up to
40 is. A margin is two deviations of a middling pair, to one digit. The truly best can only be
lost by leaving, so one kept to the end was in at every time before.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import measuring
import numpy as np
import records
import sweeping
from measuring import Figure

from espalier.analysis.anytime_tests import Array
from espalier.analysis.confidence import resolution, t_quantile
from espalier.analysis.multiple_best import are_behind
from espalier.analysis.race_decisions import Race, RaceRules, RaceState, RaceStatus, decide
from espalier.core.measures import VAL_ACC, VAL_LOSS, Measure
from espalier.core.paths import ROOT
from espalier.core.trial import REPETITION

ALPHA, FIXED, CAP = 0.05, 20, 40
SAMPLES = 355  # of the digits' test set
GRID = ROOT / "defconfigs" / "digits-methods-range"
HEAD = (
    "| table | arms | left by 20 seeds | left by the race | its trials | best kept "
    "| as well as 20 seeds: trials | with the margin: ends before 40 | its trials | best kept |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
)
COLUMNS = (  # how the name of a figure ends, and its form in the page; the first that fits
    ("left by 20 seeds", "{:.1f}"),
    ("left by the race", "{:.1f}"),
    ("to the cap", "{:.2f}"),
    ("the truly best is kept", "{:.1f} %"),
    ("as well as 20 seeds", "{:.2f}"),
    ("ends below the cap", "{:.0f} %"),
    (": trials over 20 seeds", "{:.2f}"),
    ("margin: the truly best is kept", "{:.1f} %"),
)
LARGE = 200  # configurations of the race whose decisions are timed


@dataclass(frozen=True)
class Table:
    """True means (K), deviations (K) from seed to seed, and the step of scores, 0 without one."""

    name: str
    means: Array
    deviations: Array
    step: float
    measure: Measure

    @property
    def pair(self) -> float:
        """The deviation of a difference, from seed to seed: of a middling pair."""
        return math.sqrt(2) * float(np.median(self.deviations))

    @property
    def margin(self) -> float:
        """What counts as equal: two such deviations, to one digit."""
        return float(f"{2 * self.pair:.1g}")

    @property
    def behind(self) -> Array:
        """By how much each is worse than the best."""
        scores = self.means * self.measure.sign
        return np.asarray(scores.max() - scores)

    def draw(self, rng: np.random.Generator) -> Array:
        """Return scores (K, seeds)."""
        noise = rng.normal(0, 1, (len(self.means), CAP)) * self.deviations[:, None]
        scores = self.means[:, None] + noise
        return np.round(scores / self.step) * self.step if self.step else scores

    def in_words(self) -> str:
        """What was raced."""
        gaps = ", ".join(f"{gap:.3g}" for gap in np.sort(self.behind)[1:])
        unit = self.measure.difference_unit
        return (
            f"{self.name}: behind the best by {gaps}{unit}; a pair's deviation is {self.pair:.2g}"
        )


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--races", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=20, help="of the grid (default: %(default)s)")
    args = parser.parse_args()
    rng = np.random.default_rng(15)
    tables = [*recorded(), pruning_grid(args.seeds)]
    figures, rows = list[Figure](), list(HEAD)
    for table in tables:
        made = raced(table, rng, args.races)
        figures += made
        rows.append(row(table, {figure.what: figure.value for figure in made}))
    notes = [f"{args.races} races of each table", *(table.in_words() for table in tables)]
    measuring.tell(args, [*figures, *deciding(rng)], notes, texts={"table": "\n".join(rows)})


def row(table: Table, values: dict[str, float]) -> str:
    """Return the line of a table in the page, from its figures."""
    cells = [str(len(table.means))]
    for what, form in COLUMNS:
        ends = [value for name, value in values.items() if name.endswith(what)]
        cells.append(form.format(ends[0]))
    return f"| {table.name} | {' | '.join(cells)} |"


def recorded() -> list[Table]:
    """Return the tables whose records are kept."""
    notes = {record["name"]: record["notes"] for record in records.stored()}
    loss, sample = VAL_LOSS, 100 / SAMPLES
    text, shift = notes["apoptosis_table"], "shift, mean_val_loss: "
    return [
        table("apoptosis, one text", text, "stationary, val_loss: ", " - none", (loss, 0.0)),
        table("apoptosis, shift", text, shift, " - none", (loss, 0.0)),
        table(
            "dendrites, 258 parameters",
            notes["dendrites_table"],
            "8, 2, 8 (258 parameters): ",
            " - plain",
            (VAL_ACC, sample),
        ),
        table(
            "sparse training",
            notes["sparse_training"],
            "",
            " - static, weights as in the dense network",
            (VAL_ACC, sample),
        ),
    ]


def table(
    name: str, notes: Sequence[str], start: str, end: str, rest: tuple[Measure, float]
) -> Table:
    """Return the table of the notes of differences to one control, which has the mean 0.

    Of the smallest variance of a difference, half is taken to be the control's own, and of every
    other the rest is the configuration's.
    """
    form = re.compile(
        re.escape(start) + ".*" + re.escape(end) + r": ([-+.\d]+) \w+ \+/- ([.\d]+) \(n=(\d+)\)"
    )
    rows = [match for note in notes if (match := form.fullmatch(note))]
    variances = np.array([deviation(float(row[2]), int(row[3])) ** 2 for row in rows])
    control = variances.min() / 2
    measure, step = rest
    level = 90.0 if step else 1.0  # any that no count leaves
    means = level + np.array([0.0, *(float(row[1]) for row in rows)])
    deviations = np.sqrt(np.array([control, *(variances - control)]))
    return Table(name, means, deviations, step, measure)


def deviation(half_width: float, n: int) -> float:
    """Return the standard deviation behind a 95 % t-interval."""
    return half_width / t_quantile(n - 1) * math.sqrt(n)


def pruning_grid(seeds: int) -> Table:
    """Run the grid of pruning methods and return its table: noise is what seeds do not share."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        lines = [
            f"CONFIG_SEED=1:1:{seeds}" if line.startswith("CONFIG_SEED=") else line
            for line in GRID.read_text(encoding="utf-8").splitlines()
        ]
        text = "\n".join([*lines, "CONFIG_DEVICE=cpu", ""])
        (place / "range").write_text(text, encoding="utf-8")
        scores = accuracies(sweeping.sweep(place, place / "range"))
    own = scores - scores.mean(axis=0) - scores.mean(axis=1)[:, None] + scores.mean()
    count = len(scores)
    deviations = np.sqrt((own**2).sum(axis=1) / (seeds - 1) * count / (count - 1))
    step = resolution(scores.ravel())
    return Table("digits, pruning", scores.mean(axis=1), deviations, step, VAL_ACC)


def accuracies(swept: sweeping.Swept) -> Array:
    """Return validation accuracies (configurations, seeds)."""
    rows: dict[frozenset[tuple[str, str]], list[float]] = {}
    for trial, result in swept.results():
        rest = frozenset(item for item in trial.config.items() if item[0] not in REPETITION)
        rows.setdefault(rest, []).append(float(result.measures["val_acc"]))
    return np.array(list(rows.values()))


def raced(table: Table, rng: np.random.Generator, races: int) -> list[Figure]:
    """Return what races of a table cost and find, with and without its margin."""
    draws = [table.draw(rng) for _ in range(races)]
    count, best = len(table.means), int(table.behind.argmin())
    plain = [race(table, scores, 0.0) for scores in draws]
    within = [race(table, scores, table.margin) for scores in draws]
    sign = table.measure.sign
    fixed = np.mean([(~are_behind(sign * s[:, :FIXED], ALPHA)).sum() for s in draws])
    cap = next((c for c in range(2, CAP + 1) if left_at(plain, c) <= fixed), CAP + 1)
    whole = FIXED * count
    least = least_seeds(draws, sign, left_at(plain, CAP))
    values: list[tuple[str, float, str, str]] = [
        ("the truly best is kept", 100 * kept(plain, best), "%", ">= 95"),
        ("trials over 20 seeds, to the cap", trials_at(plain, CAP) / whole, "x", ""),
        ("left by the race", left_at(plain, CAP), "", ""),
        ("left by 20 seeds", float(fixed), "", ""),
        ("trials over 20 seeds, ended at 20", trials_at(plain, FIXED) / whole, "x", ""),
        ("left by the race, ended at 20", left_at(plain, FIXED), "", ""),
        ("trials over 20 seeds, as well as 20 seeds", trials_at(plain, cap) / whole, "x", "<= 0.6"),
        ("seeds at which it does as well", cap, "", ""),
        ("fixed seeds that leave as few as the race", least, "", ""),
        ("trials over those seeds'", trials_at(plain, CAP) / (least * count), "x", "<= 0.6"),
        (margin_name(table, "ends below the cap"), 100 * ended(within), "%", ">= 90"),
        (margin_name(table, "trials over 20 seeds"), trials_at(within, CAP) / whole, "x", ""),
        (margin_name(table, "the truly best is kept"), 100 * kept(within, best), "%", ">= 95"),
        (margin_name(table, "wrong within"), 100 * wrong(table, within), "%", "<= 5"),
    ]
    measuring.say(f"{table.name}: {[(what, round(x, 3)) for what, x, *_ in values]}")
    return [Figure(f"{table.name}: {what}", [x], unit, goal) for what, x, unit, goal in values]


def race(table: Table, scores: Array, margin: float) -> RaceState:
    """Return how a race ends."""
    return decide(scores.tolist(), RaceRules(ALPHA, margin, 2, CAP), table.measure)


def left_at(states: Sequence[RaceState], cap: int) -> float:
    """Return how many are left after so many seeds, the mean over races."""
    stay = [sum(d.left is None or d.left > cap for d in state.decisions) for state in states]
    return float(np.mean(stay))


def trials_at(states: Sequence[RaceState], cap: int) -> float:
    """Return how many trials were run by then, the mean over races."""
    return float(np.mean([sum(min(d.seeds, cap) for d in s.decisions) for s in states]))


def least_seeds(draws: Sequence[Array], sign: int, left: float) -> int:
    """Return how many fixed seeds leave no more than `left`; one more than the cap if none do."""
    low, high = 2, CAP + 1
    while high - low > 1:
        n = (low + high) // 2
        stay = np.mean([(~are_behind(sign * scores[:, :n], ALPHA)).sum() for scores in draws])
        low, high = (low, n) if stay <= left else (n, high)
    return high


def kept(states: Sequence[RaceState], best: int) -> float:
    """Return the share of races that never call the truly best behind."""
    return float(np.mean([best in state.survivors for state in states]))


def ended(states: Sequence[RaceState]) -> float:
    """Return the share of races that end before the cap."""
    return float(np.mean([state.rounds < CAP for state in states]))


def wrong(table: Table, states: Sequence[RaceState]) -> float:
    """Return the share of races that say `within` of some that are a margin or more apart."""
    return float(np.mean([_wrong(table, state) for state in states]))


def _wrong(table: Table, state: RaceState) -> bool:
    said = [i for i, d in enumerate(state.decisions) if d.status is RaceStatus.WITHIN]
    return bool(said) and float(np.ptp(table.means[said])) >= table.margin


def margin_name(table: Table, what: str) -> str:
    """Return the name of a figure of races with a margin."""
    return f"{table.margin:g}{table.measure.difference_unit} margin: {what}"


def deciding(rng: np.random.Generator) -> list[Figure]:
    """Return the processor time of all decisions of a race of equal ones, which is the longest."""
    scores = rng.normal(0, 1, (LARGE, CAP)).tolist()
    rules, begun = RaceRules(ALPHA, 0.0, 2, CAP), time.process_time()
    going = Race(LARGE, rules, VAL_ACC)
    for seeds in range(1, CAP + 1):
        going.advance([row[:seeds] for row in scores])
    onward, begun = time.process_time() - begun, time.process_time()
    for seeds in range(1, CAP + 1):
        decide([row[:seeds] for row in scores], rules, VAL_ACC)
    anew = time.process_time() - begun
    what = f"deciding {LARGE} configurations after each of {CAP} seeds"
    return [
        Figure(f"{what}, going on", [onward], "s", "<= 0.5"),
        Figure(f"{what}, anew each time", [anew], "s"),
        Figure("a decision over a trial, going on", [1e6 * onward / LARGE / CAP], "us"),
    ]


if __name__ == "__main__":
    main()
