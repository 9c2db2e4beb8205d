"""Early termination beside the full grid: what it saves, and the rank of what it chooses.

    python benchmarks/early_termination.py [--only digits|lenet|charlm] [--kills 20] [--keep DIR]

Three grids are trained in full, each with three sets of seeds: state pruning on the digits, LeNet-5
on 5,000 images of MNIST, and a character transformer. What a rule chooses is the best, by its
validation, of those that it lets come to their end; its rank is that among all of the full grid of
the same seeds. Random choice gets as many epochs as asha: the mean rank of the best of so many
configurations drawn from the grid.

With the first set of seeds every rule is swept: the trials that come to their end are compared with
those of the full grid, all but times. With all sets its decisions are taken from the records of the
full grid, as they are a function of these; with the first set that must be what the sweep decided.
At last the asha sweep of the digits is run again, with kill -9 at so many moments, and with other
numbers of workers: its decisions are compared.
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
from espalier.analysis.stopping.rung_scores import rung_configurations
from espalier.analysis.stopping.stop_decisions import RungDecisions
from espalier.core.paths import ROOT
from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Result, Status, Trial
from espalier.plan.stopping.stop_rules import RungRule, StopRules, stop_rules
from espalier.store.results_dir import STORE
from espalier.store.store import Store

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
CONFIG_RANK_BY=val_loss
""",
}
RULES = {
    RungRule.ASHA: "CONFIG_STOP=asha\n",
    RungRule.HALVING: "CONFIG_STOP=halving\n",
    RungRule.FIRST_EPOCH: "CONFIG_STOP=first_epoch\nCONFIG_STOP_KEEP=3\n",
}
NAMES = {
    "digits": "digits, state pruning",
    "lenet": "LeNet-5, 5,000 images of MNIST",
    "charlm": "character transformer",
}
HEAD = ["| grid | rule | epochs | rank, with each set of seeds | behind the best |"]
HEAD += ["|---|---|---|---|---|"]
FIRST_SEEDS = {
    "digits": "CONFIG_SEED=1|2|3\n",
    "lenet": "CONFIG_SEED=1\n",
    "charlm": "CONFIG_SEED=1\n",
}
SETS = 3
"""Sets of seeds with which each grid is trained."""
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

    def of_seeds(self, seeds: Sequence[str]) -> Grid:
        """Return the trials that have one of these seeds."""
        kept = [(trial, r) for trial, r in self.results if trial.config["SEED"] in seeds]
        return Grid(self.place, kept)

    def ranking(self, by: str) -> Ranking:
        """Return the configurations that came to their end, best first."""
        return rank([(trial, result, 1) for trial, result in self.results], by)

    def decisions(self) -> dict[str, str]:
        """Return what became of each trial, by its id."""
        return {trial.id: f"{r.status} {r.message}" for trial, r in self.results}

    def last_epochs(self) -> dict[str, int]:
        """Return after how many epochs each trial ended, by its id."""
        return {trial.id: len(result.history) for trial, result in self.results}

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
    full = Grid.read(once(folder / "full", range_file, f"CONFIG_STOP=none\n{every_seed(bed)}"))
    figures, chances = [], list[float]()
    for rule, text in RULES.items():
        swept = Grid.read(once(folder / rule, range_file, f"{text}{FIRST_SEEDS[bed]}"))
        rules = stop_rules(header_of(swept.place).settings)
        assert rules is not None
        faults += different(bed, full, swept)
        replays = [Replay(full.of_seeds(seeds), rules) for seeds in seed_sets(bed)]
        if replays[0].last_epochs() != swept.last_epochs():
            faults.append(f"{bed}: {rule} decided otherwise than its records say")
        spent = [100 * replay.spent for replay in replays]
        places, behind = [r.place for r in replays], [r.behind for r in replays]
        unit = "points" if rules.by.unit == "%" else "nats"
        figures += [
            Figure(f"{bed}: {rule}, epochs spent", spent, "%"),
            Figure(f"{bed}: {rule}, rank of what it chose", places, ""),
            Figure(f"{bed}: {rule}, behind the best of the grid", behind, unit),
        ]
        chances = chances or [replay.chance for replay in replays]
        share, of = f"{sum(spent) / len(spent):.0f} %", replays[0].count
        rows.append(
            _row(bed, rule, share, f"{_listed(places)} of {of}", f"{_listed(behind)} {unit}")
        )
    figures.append(Figure(f"{bed}: random, mean rank", chances, ""))
    rows.append(_row(bed, "random, as many epochs as asha", "", f"{_listed(chances)} of {of}", ""))
    return figures


def _row(bed: str, *cells: str) -> str:
    return f"| {NAMES[bed]} | {' | '.join(cells)} |"


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


class Replay:
    """A rule applied to the records of a full grid."""

    def __init__(self, full: Grid, rules: StopRules) -> None:
        """Take every decision."""
        self._full, self._rules = full, rules
        every = rung_configurations([trial for trial, _ in full.results], rules, ())
        results = {trial.number: result for trial, result in full.results}
        for each in every:
            for trial in each.trials:
                each.take_in(trial.number, [results[trial.number]], rules.by)
        fates = RungDecisions([each.course for each in every], rules).fates
        self._ends = {
            trial.id: fate.rung
            for each, fate in zip(every, fates, strict=True)
            for trial in each.trials
        }
        self.count = len(every)

    def last_epochs(self) -> dict[str, int]:
        """Return after how many epochs each trial ends, by its id."""
        whole = self._full.last_epochs()
        return {key: rung or whole[key] for key, rung in self._ends.items()}

    @property
    def spent(self) -> float:
        """The share of the epochs of the full grid."""
        return sum(self.last_epochs().values()) / sum(self._full.last_epochs().values())

    @property
    def place(self) -> int:
        """The rank, in the full grid, of the best that came to its end; of equals the first."""
        return 1 + [*self._scores.values()].index(self._chosen)

    @property
    def behind(self) -> float:
        """By how much that is worse than the best of the full grid."""
        return abs(max(self._scores.values()) - self._chosen)

    @property
    def chance(self) -> float:
        """The mean rank of the best of as many drawn as the epochs would train in full."""
        return (self.count + 1) / (max(1, round(self.spent * self.count)) + 1)

    @property
    def _scores(self) -> dict[str, float]:
        """The scores of the full grid by the id of the first trial, best first."""
        by = self._rules.by
        ranked = self._full.ranking(by.spelled).ranked
        return {item.first.id: by.sign * item.score.mean for item in ranked if item.score}

    @property
    def _chosen(self) -> float:
        """The score of the best that came to its end."""
        return next(score for key, score in self._scores.items() if not self._ends[key])


def seed_sets(bed: str) -> list[list[str]]:
    """Return the sets of seeds of a grid: as many each, one after another."""
    first = seeds_of(FIRST_SEEDS[bed])
    return [[str(seed + n * len(first)) for seed in first] for n in range(SETS)]


def seeds_of(text: str) -> list[int]:
    """Return the seeds of a line of a range file."""
    return [int(seed) for seed in text.strip().partition("=")[2].split("|")]


def every_seed(bed: str) -> str:
    """Return the line of a range file that has the seeds of all sets."""
    return f"CONFIG_SEED={'|'.join(seed for seeds in seed_sets(bed) for seed in seeds)}\n"


def header_of(place: Path) -> PlanHeader:
    """Return the header of the store in a folder."""
    with Store.open(place / sweeping.RESULTS / STORE, readonly=True) as store:
        return store.header


def once(place: Path, range_file: Path, also: str) -> Path:
    """Return the sweep in a folder, which is swept if there is none."""
    place.mkdir(parents=True, exist_ok=True)
    if not sweeping.attempts(place):
        swept = sweeping.sweep(place, range_file, also, PARALLEL=WORKERS, PACK=1, REUSE=0)
        measuring.say(f"{place}: {swept.run:.0f} s")
    return place


def different(bed: str, full: Grid, swept: Grid) -> list[str]:
    """Return the trials that came to their end with other numbers than in the full grid."""
    alone = full.outcomes()
    ends = swept.outcomes()
    return [f"{bed}: trial {key} has other numbers" for key in ends if ends[key] != alone[key]]


def killed(folder: Path, args: argparse.Namespace, faults: list[str]) -> list[Figure]:
    """Return how often a sweep was killed, its decisions compared with those of a calm one."""
    calm = Grid.read(folder / RungRule.ASHA).decisions()
    place, chance, kills = folder / "killed", random.Random(0), 0
    place.mkdir(exist_ok=True)
    rounds = 0
    while kills < args.kills:
        rounds += 1
        there = place / f"{rounds}"
        there.mkdir(exist_ok=True)
        sweeping.plan(there, folder / "range", _asha())
        kills += kill_often(there, chance, args.kills - kills)
        faults += _decided(f"killed sweep {rounds}", calm, there)
    for workers, pack in ((1, 1), (3, 1), (2, 8)):
        there = place / f"workers_{workers}_pack_{pack}"
        there.mkdir(exist_ok=True)
        variables = {"PARALLEL": workers, "PACK": pack, "REUSE": 0}
        sweeping.sweep(there, folder / "range", _asha(), **variables)
        faults += _decided(f"{workers} workers, packs of {pack}", calm, there)
    return [
        Figure("digits: kill -9 of the runner", [kills], ""),
        Figure("digits: sweeps that were killed", [rounds], ""),
    ]


def kill_often(there: Path, chance: random.Random, limit: int) -> int:
    """Run a sweep to its end, killing its runner again and again; return how often."""
    kills = 0
    while True:
        runner = sweeping.start(there, {"PARALLEL": WORKERS, "PACK": 1, "REUSE": 0})
        if kills < limit:
            began = len(sweeping.attempts(there))
            while runner.poll() is None and len(sweeping.attempts(there)) == began:
                time.sleep(0.05)
            time.sleep(chance.uniform(*MOMENTS))
        if kills == limit or runner.poll() is not None:
            runner.wait()
            return kills
        runner.kill()
        runner.wait()
        time.sleep(0.5)  # for workers to notice
        kills += 1


def _asha() -> str:
    return RULES[RungRule.ASHA] + FIRST_SEEDS["digits"]


def _decided(what: str, calm: dict[str, str], there: Path) -> Sequence[str]:
    """Return a line for each trial of which something else became."""
    now = Grid.read(there).decisions()
    odd = [key for key in calm if now.get(key) != calm[key]]
    measuring.say(f"{what}: {len(odd)} other decisions")
    return [f"{what}: {key}: {now.get(key)!r}, not {calm[key]!r}" for key in odd]


if __name__ == "__main__":
    sys.exit(main())
