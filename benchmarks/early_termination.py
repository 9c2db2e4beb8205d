"""Early termination beside the full grid: what it saves, and the rank of what it chooses.

    python benchmarks/early_termination.py [--only digits|lenet|charlm] [--kills 20] [--keep DIR]

Three grids are trained in full: state pruning on the digits, LeNet-5 on 5,000 images of MNIST, and
a character transformer. Each is then swept with CONFIG_STOP=asha, halving and first_epoch. What a
rule chooses is the best, by its validation, of those that it lets come to their end; its rank is
that among all of the full grid. Random choice gets as many epochs as asha: the mean rank of the
best of so many configurations drawn from the grid. The trials that come to their end are compared
with those of the full grid, all but times. At last the asha sweep of the digits is run again, with
kill -9 at so many moments, and with other numbers of workers: its decisions are compared.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.analysis.comparing.sweep_pairs import repeatable
from espalier.analysis.rank import Ranking, rank
from espalier.core.paths import ROOT
from espalier.core.trial import Record, Result, Status, Trial
from espalier.plan.stopping.stop_rules import StopRule

BEDS = {
    "digits": (ROOT / "defconfigs" / "digits-stopping-range").read_text(encoding="utf-8"),
    "lenet": """
CONFIG_DATASET=mnist_5k
CONFIG_MODEL=lenet5
CONFIG_OPTIMIZER=adamw
CONFIG_PRUNING_METHOD=none
CONFIG_NUM_EPOCHS=9
CONFIG_BATCH_SIZE=64
CONFIG_LEARNING_RATE=0.0003|0.001|0.002|0.004|0.008|0.016
CONFIG_ADAMW_WEIGHT_DECAY=0|0.01|0.1
CONFIG_SEED=1
""",
    "charlm": """
CONFIG_DATASET=text
CONFIG_TEXT_CORPUS=prose
CONFIG_TEXT_LENGTH=60000
CONFIG_TEXT_CONTEXT=32
CONFIG_MODEL=charlm
CONFIG_CHARLM_WIDTH=32
CONFIG_CHARLM_LAYERS=2
CONFIG_CHARLM_INNER=64
CONFIG_OPTIMIZER=adamw
CONFIG_PRUNING_METHOD=none
CONFIG_BATCH_SIZE=32
CONFIG_NUM_EPOCHS=9
CONFIG_GRAD_CLIP_NORM=1
CONFIG_LEARNING_RATE=0.0003|0.001|0.003|0.006|0.01|0.02
CONFIG_ADAMW_WEIGHT_DECAY=0|0.01|0.1
CONFIG_SEED=1
CONFIG_RANK_BY=val_loss
""",
}
RULES = {
    StopRule.ASHA: "CONFIG_STOP=asha\n",
    StopRule.HALVING: "CONFIG_STOP=halving\n",
    StopRule.FIRST_EPOCH: "CONFIG_STOP=first_epoch\nCONFIG_STOP_KEEP=3\n",
}
NAMES = {
    "digits": "digits, state pruning",
    "lenet": "LeNet-5, 5,000 images of MNIST",
    "charlm": "character transformer",
}
HEAD = ["| grid | rule | epochs | rank of what it chose |", "|---|---|---|---|"]
WORKERS = 2
MOMENTS = (0.3, 3.0)
"""Seconds after which a runner is killed, at the earliest and the latest."""


@dataclass(frozen=True)
class Grid:
    """A grid in its folder, and what became of its trials."""

    place: Path
    results: list[tuple[Trial, Result]]

    @classmethod
    def read(cls, place: Path) -> Grid:
        """Return the sweep in a folder."""
        return cls(place, sweeping.results(place))

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return sum(len(result.history) for _, result in self.results)

    def ranking(self, by: str) -> Ranking:
        """Return the configurations that came to their end, best first."""
        return rank([(trial, result, 1) for trial, result in self.results], by)

    def decisions(self) -> dict[str, str]:
        """Return what became of each trial, by its id."""
        return {trial.id: f"{r.status} {r.message}" for trial, r in self.results}

    def outcomes(self) -> dict[str, Record]:
        """Return what is the same every time of the trials that came to their end, by their ids."""
        done = [(t.id, r) for t, r in self.results if r.status is Status.PASSED]
        return {key: repeatable(result) for key, result in done}


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=[*BEDS], help="one of the grids")
    parser.add_argument("--kills", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    args = parser.parse_args()
    figures: list[Figure] = []
    faults: list[str] = []
    rows: list[str] = []
    with measuring.place(args) as folder:
        for bed in [args.only] if args.only else BEDS:
            figures += compared(bed, folder / bed, faults, rows)
        if args.only in (None, "digits"):
            figures += killed(folder / "digits", args, faults)
    figures.append(
        Figure("differences from the full grid, or between decisions", [len(faults)], "", "<= 0")
    )
    measuring.tell(args, figures, faults[:10], texts={"table": "\n".join([*HEAD, *rows])})
    return 1 if faults else 0


def compared(bed: str, folder: Path, faults: list[str], rows: list[str]) -> list[Figure]:
    """Return what each rule spent and chose, beside the full grid, and add the rows of a table."""
    range_file = folder / "range"
    folder.mkdir(exist_ok=True)
    range_file.write_text(BEDS[bed], encoding="utf-8")
    full = Grid.read(once(folder / "full", range_file, "CONFIG_STOP=none\n"))
    by = "val_loss" if "RANK_BY=val_loss" in BEDS[bed] else "val_acc"
    whole = full.ranking(by)
    places = {item.first.configuration: n for n, item in enumerate(whole.ranked, 1)}
    figures = [Figure(f"{bed}: configurations of the grid", [len(places)], "")]
    for rule, text in RULES.items():
        swept = Grid.read(once(folder / rule, range_file, text))
        best = swept.ranking(by).best
        assert best is not None
        place = _level(whole, places[best.first.configuration])
        spent = swept.epochs / full.epochs
        figures.append(Figure(f"{bed}: {rule}, epochs spent", [100 * spent], "%"))
        figures.append(Figure(f"{bed}: {rule}, rank of what it chose", [place], ""))
        if rule is StopRule.ASHA:
            drawn = max(1, round(spent * len(places)))
            chance = mean_rank(len(places), drawn)
            figures.append(Figure(f"{bed}: random, mean rank", [chance], ""))
            rows.append(
                f"| {NAMES[bed]} | random, as many epochs as asha | {100 * spent:.0f} % | "
                f"{chance:.1f} of {len(places)} |"
            )
        rows.append(f"| {NAMES[bed]} | {rule} | {100 * spent:.0f} % | {place} of {len(places)} |")
        faults += different(bed, full, swept)
    return figures


def once(place: Path, range_file: Path, also: str) -> Path:
    """Return the sweep in a folder, which is swept if there is none."""
    place.mkdir(parents=True, exist_ok=True)
    if not sweeping.attempts(place):
        swept = sweeping.sweep(place, range_file, also, PARALLEL=WORKERS, PACK=1, REUSE=0)
        measuring.say(f"{place}: {swept.run:.0f} s")
    return place


def mean_rank(count: int, drawn: int) -> float:
    """Return the mean rank of the best of so many drawn from `count`, without replacement."""
    return (count + 1) / (drawn + 1)


def _level(ranking: Ranking, place: int) -> int:
    """Return the first place whose score is as good as that of this place."""
    scores = [item.score.mean for item in ranking.ranked if item.score]
    return 1 + scores.index(scores[place - 1])


def different(bed: str, full: Grid, swept: Grid) -> list[str]:
    """Return the trials that came to their end with other numbers than in the full grid."""
    alone = full.outcomes()
    ends = swept.outcomes()
    return [f"{bed}: trial {key} has other numbers" for key in ends if ends[key] != alone[key]]


def killed(folder: Path, args: argparse.Namespace, faults: list[str]) -> list[Figure]:
    """Return how often a sweep was killed, its decisions compared with those of a calm one."""
    calm = Grid.read(folder / StopRule.ASHA).decisions()
    place, chance, kills = folder / "killed", random.Random(0), 0
    place.mkdir(exist_ok=True)
    rounds = 0
    while kills < args.kills:
        rounds += 1
        there = place / f"{rounds}"
        there.mkdir(exist_ok=True)
        sweeping.plan(there, folder / "range", RULES[StopRule.ASHA])
        kills += kill_often(there, chance, args.kills - kills)
        faults += _decided(f"killed sweep {rounds}", calm, there)
    for workers, pack in ((1, 1), (3, 1), (2, 8)):
        there = place / f"workers_{workers}_pack_{pack}"
        there.mkdir(exist_ok=True)
        variables = {"PARALLEL": workers, "PACK": pack, "REUSE": 0}
        sweeping.sweep(there, folder / "range", RULES[StopRule.ASHA], **variables)
        faults += _decided(f"{workers} workers, packs of {pack}", calm, there)
    return [
        Figure("digits: kill -9 of the runner", [kills], ""),
        Figure("digits: sweeps that were killed", [rounds], ""),
    ]


def kill_often(there: Path, chance: random.Random, most: int) -> int:
    """Run a sweep to its end, killing its runner again and again; return how often."""
    kills = 0
    while True:
        runner = sweeping.start(there, {"PARALLEL": WORKERS, "PACK": 1, "REUSE": 0})
        if kills < most:
            began = len(sweeping.attempts(there))
            while runner.poll() is None and len(sweeping.attempts(there)) == began:
                time.sleep(0.05)
            time.sleep(chance.uniform(*MOMENTS))
        if kills == most or runner.poll() is not None:
            runner.wait()
            return kills
        runner.kill()
        runner.wait()
        time.sleep(0.5)  # for workers to notice
        kills += 1


def _decided(what: str, calm: dict[str, str], there: Path) -> Sequence[str]:
    """Return a line for each trial of which something else became."""
    now = Grid.read(there).decisions()
    odd = [key for key in calm if now.get(key) != calm[key]]
    measuring.say(f"{what}: {len(odd)} other decisions")
    return [f"{what}: {key}: {now.get(key)!r}, not {calm[key]!r}" for key in odd]


if __name__ == "__main__":
    sys.exit(main())
