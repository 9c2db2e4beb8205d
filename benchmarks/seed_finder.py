"""The smallest network that learns the digits, found with one worker and with two, and by chance.

    python benchmarks/seed_finder.py [--rounds 3] [--families 1000] [--null 40]

Whole searches of the portfolio through the command line, interleaved, nothing known from before;
what they write must be the same to the last digit. Then how often something passes for learning
that does not: families of candidates of five seeds each that are drawn from chance, and such that
are drawn from networks which the harness trained with a learning rate of almost 0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import measuring
import numpy as np
import numpy.typing as npt
from measuring import Figure, Record

from espalier.analysis.multiple_tests import holm
from espalier.commands.seed_finder import PORTFOLIO
from espalier.core.paths import ROOT
from espalier.kconfig import range_file
from espalier.search import seed_plan
from espalier.search.learning import Bar, SeedScore, p_value
from espalier.search.search_runs import Means
from espalier.search.seed_plan import CandidateTrainer
from espalier.search.seed_report import CSV, JSON, TABLE

BAR = Bar()
SEEDS, CLASSES = 5, 10
STILL = {"LEARNING_RATE": "1e-9", "NUM_EPOCHS": "1"}
"""Settings with which nothing is learnt."""
Shares = npt.NDArray[np.float64]


class Contest:
    """Searches with one worker and with two, and what they wrote."""

    def __init__(self) -> None:
        self.written: set[tuple[str, ...]] = set()

    def search(self, place: Path, workers: int) -> float:
        """Wall seconds of a whole search."""
        words = ["seed-finder", PORTFOLIO, "--parallel", str(workers), "--output-dir", str(place)]
        clean = {k: v for k, v in os.environ.items() if k not in ("PARALLEL", "PACK", "DATASET")}
        environment = {**clean, "XDG_CACHE_HOME": str(place / "cache")}
        command = [sys.executable, "-P", "-m", "espalier", *words]
        clock = perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8"
        )
        seconds = perf_counter() - clock
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        (folder,) = place.glob("seeds_*")
        self.written.add(
            tuple((folder / name).read_text(encoding="utf-8") for name in (JSON, CSV, TABLE))
        )
        return seconds

    @property
    def conclusion(self) -> list[str]:
        """What the search found, in its own words."""
        lines = next(iter(self.written))[2].splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("smallest that"))
        return [line.strip() for line in lines[start:]]


def candidates(searched: Record) -> Iterator[Figure]:
    """Accuracies of the candidates that were trained in full, p by Holm over all, and the winner's.

    `searched` is what the search wrote. Accuracies are in percent.
    """
    for each in searched["candidates"]:
        if each["p"] is not None:
            name = " ".join(f"{key}={value}" for key, value in each["candidate"].items())
            yield Figure(f"{name}: live edges", [each["size"]], "")
            yield Figure(f"{name}: validation accuracy", percent(each["accuracies"]), "%")
            yield Figure(f"{name}: p", [each["p"]], "")
    if searched["test_accuracies"]:
        yield Figure("test accuracy of the winner", percent(searched["test_accuracies"]), "%")


def percent(shares: list[float]) -> list[float]:
    """Return shares in percent."""
    return [100 * share for share in shares]


def untrained(seeds: int) -> tuple[Shares, float, int]:
    """(candidates, seeds) accuracies of the portfolio's networks that have learnt nothing.

    And the share of the most frequent class among their validation samples, and those samples.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = {**STILL, "SEED": f"1:1:{seeds}"}
        over = [range_file.assign(name, text, "untrained") for name, text in settings.items()]
        space = seed_plan.read(ROOT / PORTFOLIO, over)
        train = CandidateTrainer(space, Means(results=Path(folder), parallel=2, verbose=False))
        trained = train(space.candidates, space.epochs)
    draw = trained[0].draws[0]
    shares = [[score.accuracy for score in each.draws] for each in trained]
    return np.array(shares), draw.majority, draw.samples


def chance(count: int, still: Shares, top: float, samples: int) -> Iterator[tuple[str, Shares]]:
    """Families (count, candidates, SEEDS) of accuracies of what has learnt nothing, by name."""
    random = np.random.default_rng(0)
    shape = (count, len(still), SEEDS)
    limit = random.binomial(samples, top + BAR.margin, shape) / samples
    yield "all seeds exactly at the limit", limit.copy()
    limit[:, :, 1:] = 1.0
    yield "one seed at the limit, all others perfect", limit
    yield "drawn class by class", random.binomial(CLASSES, 1 / CLASSES, shape) / CLASSES
    places = random.integers(still.shape[1], size=shape)
    yield "untrained networks", np.take_along_axis(still[None], places, axis=2)


def wrong(families: Shares, top: float, samples: int) -> list[float]:
    """For each family 1 if any of its candidates passes for learning, else 0."""
    errors = []
    for family in families:
        p = [p_value([SeedScore(a, top, samples) for a in seeds], BAR) for seeds in family.tolist()]
        errors.append(float(min(holm(p, len(p))) < BAR.alpha))
    return errors


def nulls(count: int, seeds: int) -> Iterator[tuple[str, float]]:
    """Percent of families with a wrong find, by what they are drawn from."""
    still, top, samples = untrained(seeds)
    measuring.say(f"{still.size} untrained networks: {still.mean():.1%} +/- {still.std():.1%}")
    for name, families in chance(count, still, top, samples):
        yield name, 100 * float(np.mean(wrong(families, top, samples)))


def main() -> None:
    parser: argparse.ArgumentParser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--families", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--null", type=int, default=40, help="seeds untrained (%(default)s)")
    args = parser.parse_args()
    contest = Contest()
    ways = {
        f"{workers} at a time": lambda place, workers=workers: contest.search(place, workers)
        for workers in (1, 2)
    }
    seen = measuring.interleaved(ways, args.rounds)
    alone, together = seen.values()
    figures = [
        Figure("whole search, one trial at a time", alone, "s"),
        Figure("whole search, two trials at a time", together, "s", "<= 60"),
        Figure("two at a time over one", measuring.ratios(together, alone), "x", "<= 0.7"),
        Figure("different tables written", [len(contest.written)], "", "<= 1"),
    ]
    for name, share in nulls(args.families, args.null):
        what = f"searches that find something where nothing learns: {name}"
        figures.append(Figure(what, [share], "%", "<= 1"))
    figures += candidates(json.loads(next(iter(contest.written))[0]))
    notes = [*contest.conclusion, f"families of chance: {args.families} of each kind"]
    measuring.tell(args, figures, notes)


if __name__ == "__main__":
    main()
