"""What do dendrites, their wiring and its resampling bring? Digits and real MNIST images, by seed.

    python benchmarks/dendrites_table.py [--dataset digits|mnist_5k] [--seeds N] [--keep FOLDER]

One sweep for each data set: dendritic layers of several sizes in seven ways, a sparse layer of as
many parameters with as many inputs a unit, and a perceptron of about as many. A figure's values
are test accuracies, or differences of them, one a seed; `all sizes` are means over the sizes. The
notes have means with 95 % t-intervals and p of each difference, by itself and corrected by Holm:
those over all sizes are one family, those of single sizes another. No rate is tuned for a way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    "OPTIMIZER": "adam",
    "LEARNING_RATE": "0.005",
    "BATCH_SIZE": "50",
    "CPU_THREADS": "1",
}
Size = tuple[int, int, int]
"""Neurons, dendrites of each, and inputs of a dendrite."""


@dataclass(frozen=True)
class Bed:
    """A data set with so many pixels, the sizes tried on it, and how long they train."""

    pixels: int
    sizes: tuple[Size, ...]
    epochs: int


BEDS = {
    "digits": Bed(64, ((8, 2, 8), (8, 3, 8), (10, 4, 8), (10, 4, 16), (10, 8, 16)), 60),
    "mnist_5k": Bed(784, ((10, 8, 16), (10, 8, 64), (20, 8, 64)), 20),
}
RESAMPLED = {
    "PRUNING_METHOD": "resampling",
    "RESAMPLING_SHARE": "0.25",
    "RESAMPLING_STEPS": "40",
    "RESAMPLING_STOP": "0.75",
}
PLAIN, ZERO = "plain", "resampled, zero and reset"
LINEAR, INHERIT = "linear dendrites", "resampled, fresh and inherited"
RESET = "resampled, fresh and reset"
SPARSE, SPARSE_RESAMPLED, DENSE = "sparse MLP", "sparse MLP, resampled", "MLP"
WAYS: Mapping[str, Row] = {
    PLAIN: {},
    "live fan-in": {"DENDRITES_INIT": "live"},
    LINEAR: {"DENDRITES_ACTIVATION": "linear"},
    INHERIT: RESAMPLED | {"RESAMPLING_BIRTH": "fresh", "RESAMPLING_MOMENTS": "inherit"},
    RESET: RESAMPLED | {"RESAMPLING_BIRTH": "fresh"},
    ZERO: RESAMPLED,
    "resampled by gradient": RESAMPLED | {"RESAMPLING_GROW": "gradient"},
}
CONTROLS: Mapping[str, Row] = {SPARSE: {}, SPARSE_RESAMPLED: RESAMPLED}
DELTAS = {  # compared over all sizes together: an arm and its control
    "structure, against sparse MLP": (LINEAR, SPARSE),
    "structure, against MLP": (LINEAR, DENSE),
    "nonlinearity": (PLAIN, LINEAR),
    "resampling of dendrites": (ZERO, PLAIN),
    "resampling of sparse MLP": (SPARSE_RESAMPLED, SPARSE),
    "inherited against reset state": (INHERIT, RESET),
    "live fan-in": ("live fan-in", PLAIN),
    "growth by gradient against random": ("resampled by gradient", ZERO),
}


class Arm(NamedTuple):
    """What is trained with every seed."""

    size: str
    way: str
    row: Row


def arms(bed: Bed) -> Iterator[Arm]:
    """Every arm, those of a size next to each other, the plain one first."""
    for size in bed.sizes:
        name = f"{', '.join(map(str, size))} ({dendritic(*size)} parameters)"
        for way, more in WAYS.items():
            yield Arm(name, way, of_dendrites(*size) | more)
        for way, more in CONTROLS.items():
            yield Arm(name, way, of_sparse(*size) | more)
        each = bed.pixels + 1 + CLASSES  # parameters of a unit
        width = round((dendritic(*size) - CLASSES) / each)
        row = {"MODEL": "mlp", "MLP_LAYERS": "1", "MLP_WIDTH": str(width)}
        yield Arm(name, DENSE, row)


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


def swept(place: Path, dataset: str, seeds: int) -> None:
    """Plan and run all arms in `place`. Ends the program if the run fails."""
    bed = BEDS[dataset]
    base = {"DATASET": dataset, "SEED": f"1:1:{seeds}", "NUM_EPOCHS": str(bed.epochs)}
    rows = [arm.row for arm in arms(bed)]
    write_plan(plan_from_rows(BASE | base, rows), place / sweeping.CONFIGS)
    done = sweeping.start(place, {}, capture=True)
    said, _ = done.communicate()
    if done.returncode:
        sys.exit(said)


def scores(place: Path, bed: Bed) -> dict[str, dict[str, Scores]]:
    """What the seeds of each way came to, by size."""
    results = sweeping.results(place)
    for trial, result in results:
        if result.status is not Status.PASSED:
            measuring.say(f"{trial.name} {result.status}: {result.message}")
    passed = [(t.config, r.measures) for t, r in results if r.status is Status.PASSED]
    by_size: dict[str, dict[str, Scores]] = {}
    for arm in arms(bed):
        row = fill_defaults(arm.row)
        ours = {c["SEED"]: float(m[MEASURE]) for c, m in passed if is_of(c, row)}
        by_size.setdefault(arm.size, {})[arm.way] = ours
    return by_size


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
    """Whether a configuration has all that was requested."""
    return all(config.get(name, value) == value for name, value in row.items())


def figures(dataset: str, by_size: Mapping[str, Mapping[str, Scores]]) -> Iterator[Figure]:
    """Every arm itself, those of a size against its plain one, and what all sizes say together."""
    for name, (way, control) in DELTAS.items():
        if values := means(by_size, way, control):
            what = f"{dataset}, all sizes: {name}"
            yield Figure(what, values, "points", family=f"{dataset}, all sizes")
    for size, ways in by_size.items():
        for way, ours in ways.items():
            if ours:
                yield Figure(f"{dataset}, {size}: {way}", list(ours.values()), UNIT)
            gaps = sweeping.apart(float, ours, ways[PLAIN])
            if way != PLAIN and gaps:
                what = f"{dataset}, {size}: {way} - {PLAIN}"
                yield Figure(what, gaps, "points", family=dataset)


def means(by_size: Mapping[str, Mapping[str, Scores]], way: str, control: str) -> list[float]:
    """The difference of two ways, mean over the sizes, of each seed that all of them have."""
    pairs = [(ways[way], ways[control]) for ways in by_size.values()]
    seeds = set.intersection(*(set(a) & set(b) for a, b in pairs))
    return [sum(a[seed] - b[seed] for a, b in pairs) / len(pairs) for seed in sorted(seeds)]


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--dataset", choices=BEDS, help="one of the two; both without")
    args = parser.parse_args()
    made = list[Figure]()
    with measuring.place(args) as kept:
        names = [args.dataset] if args.dataset else BEDS
        for name, place in sweeping.each(
            kept, names, lambda place, name: swept(place, name, args.seeds)
        ):
            made += figures(name, scores(place, BEDS[name]))
    measuring.tell(args, made, measuring.summaries(made))


if __name__ == "__main__":
    main()
