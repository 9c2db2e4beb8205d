"""What do dendrites, their wiring and its resampling bring? The table of the digits, by seed.

    python benchmarks/dendrites_table.py [--seeds N] [--epochs N] [--keep FOLDER]

One sweep, as users run them: dendritic layers of five sizes in seven ways, a sparse layer of as
many parameters with as many inputs a unit, and perceptrons with one hidden layer. A figure's values
are test accuracies, or differences from the plain dendritic layer of that size, one a seed. The
notes have means with 95 % t-intervals, not corrected for their number. The rate is not tuned for
each way by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import measuring
import sweeping
from measuring import Figure

from espalier.core.trial import Status
from espalier.plan.plan import write_plan
from espalier.plan.planning import plan_from_rows

Row = dict[str, str]
Scores = dict[str, float]
"""Seed -> test accuracy in percent."""
MEASURE, UNIT = "test_acc", "%"
CLASSES = 10
BASE = {
    "DATASET": "digits",
    "OPTIMIZER": "adam",
    "LEARNING_RATE": "0.005",
    "BATCH_SIZE": "50",
    "CPU_THREADS": "1",
}
SIZES = ((8, 2, 8), (8, 3, 8), (10, 4, 8), (10, 4, 16), (10, 8, 16))
"""Neurons, dendrites of each, and inputs of a dendrite."""
HIDDEN = (3, 4, 5, 8, 16)
RESAMPLED = {
    "PRUNING_METHOD": "resampling",
    "RESAMPLING_SHARE": "0.25",
    "RESAMPLING_STEPS": "40",
    "RESAMPLING_STOP": "0.75",
}
PLAIN, ZERO = "plain", "resampled, zero and reset"
WAYS: Mapping[str, Row] = {
    PLAIN: {},
    "live fan-in": {"DENDRITES_INIT": "live"},
    "linear dendrites": {"DENDRITES_ACTIVATION": "linear"},
    "resampled, fresh and inherited": RESAMPLED
    | {"RESAMPLING_BIRTH": "fresh", "RESAMPLING_MOMENTS": "inherit"},
    "resampled, fresh and reset": RESAMPLED | {"RESAMPLING_BIRTH": "fresh"},
    ZERO: RESAMPLED,
    "resampled by gradient": RESAMPLED | {"RESAMPLING_GROW": "gradient"},
}
CONTROLS: Mapping[str, Row] = {"sparse MLP": {}, "sparse MLP, resampled": RESAMPLED}


class Arm(NamedTuple):
    """What is trained with every seed."""

    size: str
    way: str
    row: Row


def arms() -> Iterator[Arm]:
    """Every arm, those of a size next to each other, the plain one first."""
    for size in SIZES:
        name = f"{', '.join(map(str, size))} ({dendritic(*size)} parameters)"
        for way, more in WAYS.items():
            yield Arm(name, way, of_dendrites(*size) | more)
        for way, more in CONTROLS.items():
            yield Arm(name, way, of_sparse(*size) | more)
    for width in HIDDEN:
        row = {"MODEL": "mlp", "MLP_LAYERS": "1", "MLP_WIDTH": str(width)}
        yield Arm(f"MLP {width} ({65 * width + width * CLASSES + CLASSES} parameters)", PLAIN, row)


def dendritic(neurons: int, dendrites: int, inputs: int) -> int:
    """Parameters of the layer and the linear one behind it."""
    units = neurons * dendrites
    return units * (inputs + 2) + neurons + neurons * CLASSES + CLASSES


def of_dendrites(neurons: int, dendrites: int, inputs: int) -> Row:
    return {
        "MODEL": "dendritic_simple",
        "DENDRITES_NEURONS": str(neurons),
        "DENDRITES_PER_NEURON": str(dendrites),
        "DENDRITES_INPUTS": str(inputs),
    }


def of_sparse(neurons: int, dendrites: int, inputs: int) -> Row:
    """As many inputs a unit, and so many units that the parameters are as near as can be."""
    width = round((dendritic(neurons, dendrites, inputs) - CLASSES) / (inputs + 1 + CLASSES))
    sizes = {"SPARSE_MLP_WIDTH": str(width), "SPARSE_MLP_INPUTS": str(inputs)}
    return {"MODEL": "sparse_mlp", **sizes}


def swept(place: Path, args: argparse.Namespace) -> None:
    """Plan and run all arms in `place`. Ends the program if the run fails."""
    base = BASE | {"SEED": f"1:1:{args.seeds}", "NUM_EPOCHS": str(args.epochs)}
    rows = [arm.row for arm in arms()]
    write_plan(plan_from_rows(base, rows), place / sweeping.CONFIGS)
    done = sweeping.start(place, {}, capture=True)
    said, _ = done.communicate()
    if done.returncode:
        sys.exit(said)


def scores(place: Path) -> list[tuple[Arm, Scores]]:
    """What the seeds of each arm came to."""
    results = sweeping.results(place)
    for trial, result in results:
        if result.status is not Status.PASSED:
            measuring.say(f"{trial.name} {result.status}: {result.message}")
    passed = [(t.config, r.measures) for t, r in results if r.status is Status.PASSED]
    return [
        (arm, {c["SEED"]: m[MEASURE] for c, m in passed if is_of(c, row)})
        for arm, row in ((arm, fill_defaults(arm.row)) for arm in arms())
    ]


def fill_defaults(row: Row) -> Row:
    """Complete a row with the values that an arm leaves as they are."""
    plain = {
        "PRUNING_METHOD": "none",
        "DENDRITES_INIT": "full",
        "DENDRITES_ACTIVATION": "leaky_relu",
        "RESAMPLING_BIRTH": "zero",
        "RESAMPLING_MOMENTS": "reset",
        "RESAMPLING_GROW": "random",
    }
    return plain | row


def is_of(config: Mapping[str, str], row: Row) -> bool:
    """Whether nothing that a configuration has is something else than asked for."""
    return all(config.get(name, value) == value for name, value in row.items())


def figures(scored_arms: Sequence[tuple[Arm, Scores]]) -> Iterator[Figure]:
    """Every arm itself, and those of a size against its plain one."""
    plain: Scores = {}
    for arm, ours in scored_arms:
        if not ours:
            continue
        yield Figure(f"{arm.size}: {arm.way}", list(ours.values()), UNIT)
        if arm.way == PLAIN:
            plain = ours
        elif values := [ours[seed] - plain[seed] for seed in ours if seed in plain]:
            yield Figure(f"{arm.size}: {arm.way} - {PLAIN}", values, "points")


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=60, help="(default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="the sweep there is read, or stays there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = args.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        if not sweeping.attempts(place):
            swept(place, args)
        made = list(figures(scores(place)))
        measuring.say(f"{len(sweeping.results(place))} trials")
    measuring.tell(args, made, [measuring.summarize(figure) for figure in made])


if __name__ == "__main__":
    main()
