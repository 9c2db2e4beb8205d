"""What do patches add to a sparse scaffold? Two data sets, all controls, paired seeds.

    python benchmarks/patch_experiment.py [--seeds N] [--dataset digits|mnist_5k] [--keep FOLDER]

Every trial trains for 50 epochs, and patches come after the 20th: as many edges as the scaffold
has. On `digits` the network is one of 64-64-10 units at a density of 5 %; on `mnist_5k`, real MNIST
images, one of 784-128-10 at 2 %, without the arms that tell kinds of patches apart. A figure's
values are test accuracies at the epoch with the best validation, or differences of them, one a
seed. "Leaked" lets all edges of the dense network live after the 20th epoch, at a tenth of the
rate: what earlier code did, unknowingly, when it claimed 55 to 97 % for patches. The notes have
means with 95 % t-intervals, and of each difference p, by itself and corrected by Holm for all of
that data set. No arm was tuned by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import measuring
import sweeping
from measuring import Figure
from sweeping import test_accuracy

from espalier.core.trial import Result, Status
from espalier.plan.plan import write_plan
from espalier.plan.planning import plan_from_rows

Row = Mapping[str, str]
Found = dict[str, dict[str, Result]]
"""By arm and seed."""
EPOCHS, BEFORE, LATER = 50, 20, 10  # epochs: all, before patches, behind them where drift is read

BASE = {
    "MODEL": "blocks",
    "NUM_EPOCHS": str(EPOCHS),
    "EARLY_STOP_PATIENCE": str(EPOCHS),  # nothing stops, and the best epoch is what is tested
    "EARLY_STOP_BY": "val_acc",
    "GROWTH_EVENTS": "1",
    "GROWTH_STOP": str(BEFORE / EPOCHS),
    "OPTIMIZER": "adam",
    "BATCH_SIZE": "64",
}


@dataclass(frozen=True)
class Bed:
    """A network on a data set; `dense` is the density with as many edges as after patching.

    A `short` one is without the arms that tell kinds of patches and rates apart.
    """

    data: str
    sizes: str
    density: str
    dense: str
    short: bool = False

    @property
    def base(self) -> Row:
        """What all of its trials share."""
        return {**BASE, "DATASET": self.data, "BLOCKS_SIZES": self.sizes}

    def arms(self) -> dict[str, Row]:
        """By name; each row has all that tells it from the others."""
        rows = self._all()
        return {k: row for k, row in rows.items() if not self.short or k not in LONG}

    def _all(self) -> dict[str, Row]:
        plain = {"BLOCKS_DENSITY": self.density, "RATES": "none"}
        slower = {"RATES": "dual", "RATES_DUAL_SINCE": "growth"}
        return {
            "scaffold alone": {**plain, "PRUNING_METHOD": "none"},
            "static, as many edges": {
                **plain, "PRUNING_METHOD": "none", "BLOCKS_DENSITY": self.dense
            },
            "leaked": {
                **plain, **slower, "PRUNING_METHOD": "grow", "GROW_TO": "1", "GROW_WHERE": "random",
                "RATES_DUAL_PATCH": "0.1",
            },
            **{where: {**plain, **patches(where)} for where in WHERE},
            "gradient, hidden": {**plain, **patches("gradient", KIND="hidden")},
            "random, hidden": {**plain, **patches("random", KIND="hidden")},
            "extrema, not revived": {**plain, **patches("extrema", REVIVE="n")},
            "gradient, dual": {
                **plain, **patches("gradient"), **slower,
                "RATES_DUAL_SCAFFOLD": "0.1", "RATES_DUAL_PATCH": "0.5",
            },
            "gradient, dual at full rate": {
                **plain, **patches("gradient"), **slower,
                "RATES_DUAL_SCAFFOLD": "0.2", "RATES_DUAL_PATCH": "1",
            },
            "gradient, differential": {
                **plain, **patches("gradient"), "RATES": "differential"
            },
        }  # fmt: skip


WHERE = ("gradient", "extrema", "random", "scattered")
LONG = (
    "gradient, hidden",
    "random, hidden",
    "extrema, not revived",
    "gradient, dual at full rate",
    "gradient, differential",
)
BEDS = {
    "digits": Bed("digits", "64", "0.05", "0.1"),
    "mnist_5k": Bed("mnist_5k", "128", "0.02", "0.04", short=True),
}
PAIRS = (  # an arm, what it is compared with, and the goal
    ("gradient", "scaffold alone", ">= 5"),
    ("extrema", "scaffold alone", ">= 5"),
    ("random", "scaffold alone", ""),
    ("scattered", "scaffold alone", ""),
    ("leaked", "scaffold alone", ""),
    ("gradient", "random", ""),
    ("gradient", "scattered", ""),
    ("extrema", "random", ""),
    ("extrema", "scattered", ""),
    ("extrema", "extrema, not revived", ""),
    ("gradient", "static, as many edges", ""),
    ("extrema", "static, as many edges", ""),
    ("random", "static, as many edges", ""),
    ("gradient", "leaked", ""),
    ("gradient, hidden", "gradient", ""),
    ("gradient, hidden", "random, hidden", ""),
    ("gradient, dual", "gradient", ""),
    ("gradient, dual at full rate", "gradient", ""),
    ("gradient, differential", "gradient", ""),
)
SLOWED = {
    "gradient, dual": "<= 0.3",
    "gradient, dual at full rate": "<= 0.3",
    "gradient, differential": "",
}


def patches(where: str, **more: str) -> Row:
    """Return patches by one rule, with each setting that belongs to it."""
    settings = {"KIND": "embedded", "WHERE": where, "REVIVE": "y", **more}
    if where == "scattered":
        settings = {"WHERE": where}
    return {"PRUNING_METHOD": "patches", **{f"PATCHES_{k}": v for k, v in settings.items()}}


def swept(place: Path, bed: Bed, seeds: int) -> None:
    """Plan and run all arms in `place`. Ends the program if the run fails."""
    base = {**bed.base, "SEED": f"1:1:{seeds}"}
    plan = plan_from_rows(base, list(bed.arms().values()))
    write_plan(plan, place / sweeping.CONFIGS)
    done = sweeping.start(place, {}, capture=True)
    said, _ = done.communicate()
    if done.returncode:
        sys.exit(said)


def read(place: Path, bed: Bed) -> Found:
    """What the seeds of each arm came to."""
    by_arm: Found = {name: {} for name in bed.arms()}
    for trial, result in sweeping.results(place):
        if result.status is not Status.PASSED:
            measuring.say(f"{trial.name} {result.status}: {result.message}")
            continue
        for name, row in bed.arms().items():
            if all(trial.config.get(symbol, value) == value for symbol, value in row.items()):
                by_arm[name][trial.config["SEED"]] = result
    return by_arm


def figures(bed: str, by_arm: Found) -> Iterator[Figure]:
    """Every arm, the pairs, and how far scaffolds drift."""
    for name, results in by_arm.items():
        yield Figure(f"{bed}: {name}", list(map(test_accuracy, results.values())), "%")
    for arm, other, goal in PAIRS:
        gaps = sweeping.apart(test_accuracy, by_arm.get(arm, {}), by_arm.get(other, {}))
        if gaps:
            what = f"{bed}: {arm} - {other}"
            yield Figure(what, gaps, "points", goal if bed == "digits" else "", family=bed)
    for name, goal in SLOWED.items():
        paired = sweeping.pairs(by_arm.get(name, {}), by_arm["gradient"])
        shares = [drift(a) / drift(b) for a, b in paired]
        if not shares:
            continue
        what = f"{bed}: drift of the scaffold, {name} / gradient"
        yield Figure(what, shares, "x", goal if bed == "digits" else "")


def drift(result: Result) -> float:
    """Of the scaffold's weights in so many epochs behind the patches."""
    return float(result.history[BEFORE + LATER - 1]["scaffold_drift"])


def counts(bed: str, by_arm: Found) -> str:
    """How many edges an arm has in the end, and what stood out when patches came."""
    edges = {name: live(results.values()) for name, results in by_arm.items()}
    looked = [result.measures for result in by_arm["extrema"].values()]
    kinds = ("dead_units", "saturated_units", "hot_units", "units_on_no_path", "revived_units")
    means = [f"{kind} {sum(m[kind] for m in looked) / len(looked):.1f}" for kind in kinds]
    listed = ", ".join(f"{name} {numbers}" for name, numbers in edges.items())
    return f"{bed}: live parameters: {listed}; extrema, mean over seeds: {', '.join(means)}"


def live(results: Iterable[Result]) -> str:
    """The numbers of live parameters that there are."""
    return "/".join(str(n) for n in sorted({r.measures["live_parameters"] for r in results}))


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--dataset", choices=BEDS, help="one of the two; both without")
    args = parser.parse_args()
    made: list[Figure] = []
    notes: list[str] = []
    with measuring.place(args) as kept:
        for name, bed in BEDS.items():
            if args.dataset in (None, name):
                place = kept / name
                place.mkdir(parents=True, exist_ok=True)
                if not sweeping.attempts(place):
                    swept(place, bed, args.seeds)
                by_arm = read(place, bed)
                made += figures(name, by_arm)
                notes.append(counts(name, by_arm))
    notes += measuring.summaries(made)
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
