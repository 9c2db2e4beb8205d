"""Trials of a dendritic net in one pack against the same trials one by one, whole epochs.

    python benchmarks/dendrites_pack.py [--rounds 7] [--epochs 4]

A dendritic layer of 10 neurons, 4 dendrites, 16 synapses and a linear layer, on as many random
samples as the digits have, in batches of 50: the training loop with AdamW, evaluation at the end
of every epoch included, on one CPU thread. Pack and single trials take turns; CPU seconds.
"""

from __future__ import annotations

import argparse
import time

import measuring
import torch
from measuring import Figure

from espalier.core.contracts import Method, Run
from espalier.core.samples import SampleShape, Split
from espalier.lr_schedules.none import Constant
from espalier.models.dendritic_simple import DendriticSimple
from espalier.optimizers.adamw import AdamW
from espalier.train.engine import seeds
from espalier.train.engine.device import make_deterministic
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.loop import Loop

GOALS = {16: ">= 5", 64: ">= 7"}  # times as many trials a second
TRAIN, VALIDATION, BATCH = 1222, 215, 50  # as the digits are divided
MODEL = DendriticSimple(neurons=10, dendrites=4, inputs=16)


def trainers(trials: int, splits: tuple[Split, Split]) -> list[Trainer]:
    """So many trials, each with its own seed, on the same samples."""
    recipe = Recipe(epochs=10**6, batch_size=BATCH)
    made = []
    for seed in range(trials):
        seeds.seed_globals(seed)
        model = MODEL.build(SampleShape(1, 8, 8, 10))
        optimizer = AdamW().build(model, recipe.learning_rate)
        ends = (recipe.epochs, BATCH, seeds.make_generators(seed, torch.device("cpu")))
        run = Run(model, optimizer, Method(), *splits, *ends)
        made.append(Trainer(run, recipe, Constant()))
    return made


def split(samples: int) -> Split:
    """Random images of 8 x 8 pixels in 10 classes."""
    return Split(torch.randn(samples, 1, 8, 8), torch.randint(10, (samples,)))


class Training:
    """Loops under way: a call trains each of them for some epochs, and tells the CPU seconds."""

    def __init__(self, loops: list[list[Trainer]], epochs: int) -> None:
        self._epochs = [(Loop(runs).epochs(), len(runs) * epochs) for runs in loops]
        self()  # allocates, and verifies the pack

    def __call__(self) -> float:
        clock = time.process_time()
        for records, count in self._epochs:
            for _ in range(count):
                next(records)
        return time.process_time() - clock


def examine(trials: int, args: argparse.Namespace) -> list[Figure]:
    """A pack of so many trials and as many loops of one trial, in turn."""
    splits = (split(TRAIN), split(VALIDATION))
    pack = Training([trainers(trials, splits)], args.epochs)
    solo = Training([[trainer] for trainer in trainers(trials, splits)], args.epochs)
    seen = measuring.interleaved(
        {f"pack of {trials}": lambda _: pack(), f"{trials} alone": lambda _: solo()}, args.rounds
    )
    together, alone = seen.values()
    steps = trials * args.epochs * -(-TRAIN // BATCH)
    return [
        Figure(f"{name}: a step of a trial", [1e6 * value / steps for value in values], "us")
        for name, values in seen.items()
    ] + [
        Figure(f"pack of {trials} against one by one", measuring.ratios(alone, together), "x", goal)
        for goal in [GOALS[trials]]
    ]


def main() -> None:
    parser = measuring.parser(__doc__, rounds=7)
    parser.add_argument("--epochs", type=int, default=4, help="a round (default: 4)")
    args = parser.parse_args()
    make_deterministic(1)
    torch.manual_seed(0)
    measuring.tell(args, [figure for trials in GOALS for figure in examine(trials, args)])


if __name__ == "__main__":
    main()
