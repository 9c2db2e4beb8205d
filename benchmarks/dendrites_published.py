"""Do the published dendritic networks beat their controls? 5,000 images of MNIST, paired by seed.

    python benchmarks/dendrites_published.py [--only plain|noise|sequential] [--seeds N]

Networks of 64 somas of 4 dendrites with 16 inputs each, and fully connected ones of equal width and
of about as many parameters as the dendritic ones. `plain` trains as published for MNIST; `noise`
with noise of deviation 0.5 on all images, `sequential` with one class in each epoch, five rounds.
A figure's values are accuracies in percent, or differences of them, one a seed: on test images,
noisy ones in `noise`, and in `sequential` on validation images of all classes. The notes have means
with 95 % t-intervals and p of each difference, by itself and corrected by Holm: the comparisons of
a part are a family. No rate is tuned for an arm.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.trial import Result, Trial
from espalier.plan.plan import write_plan
from espalier.plan.planning import plan_from_rows

Row = dict[str, str]
BASE = {
    "DATASET": "mnist_5k",
    "MODEL": "dendritic_ann",
    "PRUNING_METHOD": "none",
    "OPTIMIZER": "adam",
    "LEARNING_RATE": "0.001",
    "CPU_THREADS": "1",
}


@dataclass(frozen=True)
class Part:
    """How the arms of a part are trained, and what they are compared by."""

    measure: str
    row: Row


PARTS = {
    "plain": Part("test_acc", {"BATCH_SIZE": "128", "NUM_EPOCHS": "15"}),
    "noise": Part(
        "noisy_test_acc",
        {"BATCH_SIZE": "128", "NUM_EPOCHS": "15", "INPUT_NOISE": "0.5", "TEST_NOISE": "0.5"},
    ),
    "sequential": Part(
        "seen_val_acc",
        {
            "BATCH_SIZE": "32",
            "NUM_EPOCHS": "50",
            "SHIFT": "classes",
            "SHIFT_EPOCHS": "1",
            "SHIFT_CLASSES_OF_TASK": "1",
        },
    ),
}
WIDE = {"DENDRITIC_ANN_NEURONS": "64", "DENDRITIC_ANN_DENDRITES": "4"}
LOCAL, EQUAL = "dANN-LRF", "vANN of as many parameters"
KINDS = {
    "dANN-R": "dann_r",
    "dANN-GRF": "dann_grf",
    LOCAL: "dann_lrf",
    "pdANN": "pdann",
    "sANN": "sann",
    "sANN-LRF": "sann_lrf",
    "vANN": "vann",
    "vANN-LRF": "vann_lrf",
}
ARMS: Mapping[str, Row] = {
    **{arm: {"DENDRITIC_ANN_KIND": kind, **WIDE} for arm, kind in KINDS.items()},
    EQUAL: {
        "DENDRITIC_ANN_KIND": "vann",
        "DENDRITIC_ANN_NEURONS": "7",  # 7 * 785, 7 * 8, 10 * 8: 5,631 parameters against 5,322
        "DENDRITIC_ANN_DENDRITES": "1",
    },
}
PAIRS = (
    (LOCAL, "vANN"),
    (LOCAL, EQUAL),
    (LOCAL, "sANN"),
    (LOCAL, "dANN-R"),
    (LOCAL, "dANN-GRF"),
    (LOCAL, "sANN-LRF"),
    (LOCAL, "vANN-LRF"),
)


def arm_of(trial: Trial) -> str:
    """The arm that a trial is one of."""
    return next(arm for arm, row in ARMS.items() if row.items() <= trial.config.items())


def swept(place: Path, part: Part, seeds: int) -> None:
    """Plan and run all arms in `place`. Ends the program if the run fails."""
    base = {**BASE, **part.row, "SEED": f"1:1:{seeds}"}
    write_plan(plan_from_rows(base, list(ARMS.values())), place / sweeping.CONFIGS)
    done = sweeping.start(place, {}, capture=True)
    said, _ = done.communicate()
    if done.returncode:
        sys.exit(said)


def figures(
    name: str, measure: str, by_arm: Mapping[str, Mapping[str, Result]]
) -> Iterator[Figure]:
    """Every arm itself, with its live parameters, and the differences of a part as one family."""

    def read(result: Result) -> float:
        return float(result.measures[measure])

    for arm in ARMS:
        ours = by_arm[arm].values()
        sizes = [float(result.measures["live_parameters"]) for result in ours]
        yield Figure(f"{name}: {arm}", [read(result) for result in ours], "%")
        yield Figure(f"{name}: parameters of {arm}", sizes, "")
    for arm, other in PAIRS:
        gaps = sweeping.apart(read, by_arm[arm], by_arm[other])
        yield Figure(f"{name}: {arm} - {other}", gaps, "points", family=name)


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; all three without")
    args = parser.parse_args()
    made = list[Figure]()
    with measuring.place(args) as kept:
        names = [args.only] if args.only else PARTS
        for name, place in sweeping.each(
            kept, names, lambda place, name: swept(place, PARTS[name], args.seeds)
        ):
            made += figures(name, PARTS[name].measure, sweeping.arms(place, arm_of))
    measuring.tell(args, made, measuring.summaries(made))


if __name__ == "__main__":
    main()
