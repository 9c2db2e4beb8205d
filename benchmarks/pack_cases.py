"""The networks of the benchmark of packs on a GPU; trials of them alone, in packs, side by side."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import torch
from char_transformer import CONTEXT, SYMBOLS, CharTransformer
from torch import Tensor, nn

from espalier.core.contracts import Method, Run
from espalier.core.samples import SampleShape, Split
from espalier.lr_schedules.none import Constant
from espalier.models.lenet5 import LeNet5
from espalier.models.mlp import Mlp
from espalier.optimizers.adamw import AdamW
from espalier.train.engine import seeds
from espalier.train.engine.device import make_deterministic
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.loop import Loop

READY = 300  # seconds that processes have to get ready; one that fails must not hold up the others
GOAL = ">= 15"  # times the trials a second of one at a time


@dataclass(frozen=True)
class Case:
    """A network, its batches, and how many updates an epoch and epochs a trial has."""

    build: Callable[[], nn.Module]
    samples: Callable[[int], Tensor]
    classes: int
    batch: int
    updates: int  # an epoch
    validation: int  # samples
    epochs: int  # a trial
    goal: str = ""


CASES = {
    "MLP": Case(
        lambda: Mlp().build(SampleShape(1, 8, 8, 10)),
        lambda n: torch.randn(n, 1, 8, 8),
        *(10, 32, 39, 216, 20),
        goal=GOAL,
    ),
    "LeNet-5": Case(
        lambda: LeNet5().build(SampleShape(1, 32, 32, 10)),
        lambda n: torch.randn(n, 1, 32, 32),
        *(10, 128, 50, 1000, 20),
        goal=GOAL,
    ),
    "transformer": Case(
        CharTransformer,
        lambda n: torch.randint(SYMBOLS, (n, CONTEXT)),
        *(SYMBOLS, 16, 20, 64, 50),
    ),
}


def trainers(name: str, trials: int, args: argparse.Namespace) -> list[Trainer]:
    """So many trials of a case, each with its own seed, on the same samples."""
    case, device = CASES[name], torch.device(args.device)
    updates = args.updates or case.updates
    train, validation = (_split(case, n, device) for n in (updates * case.batch, case.validation))
    recipe = Recipe(epochs=10**6, batch_size=case.batch)
    made = []
    for seed in range(trials):
        seeds.seed_globals(seed)
        model = case.build().to(device)
        optimizer = AdamW().build(model, recipe.learning_rate)
        ends = (recipe.epochs, recipe.batch_size, seeds.make_generators(seed, device))
        run = Run(model, optimizer, Method(), train, validation, *ends)
        made.append(Trainer(run, recipe, Constant()))
    return made


def _split(case: Case, samples: int, device: torch.device) -> Split:
    x, y = case.samples(samples), torch.randint(case.classes, (samples,))
    return Split(x.to(device), y.to(device))


class Epochs:
    """Trials of a case under way: each call trains all of them for an epoch."""

    def __init__(
        self, name: str, trials: int, args: argparse.Namespace, graphs: bool = False
    ) -> None:
        make_deterministic(1)
        self.trials = trials
        made = [replace(trainer, graphs=graphs) for trainer in trainers(name, trials, args)]
        self._epochs = Loop(made).epochs()

    def __call__(self) -> None:
        """Ends when the device has: each trial's losses are read."""
        for _ in range(self.trials):
            next(self._epochs)


def alone(name: str, trials: int, args: argparse.Namespace, graphs: bool = False) -> list[float]:
    """Seconds of each epoch of a pack in this process, after one that is not counted."""
    epoch = Epochs(name, trials, args, graphs)
    epoch()
    return [timed(epoch) for _ in range(args.epochs)]


def timed(work: Callable[[], object]) -> float:
    clock = time.perf_counter()
    work()
    return time.perf_counter() - clock


_barrier: Any = None


def _meet(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _beside(name: str, trials: int, args: argparse.Namespace) -> tuple[float, float]:
    """When a process that trains beside others began and ended, once all were ready."""
    epoch = Epochs(name, trials, args)
    epoch()
    _barrier.wait(timeout=READY)
    began = time.time()
    for _ in range(args.epochs):
        epoch()
    return began, time.time()


def beside(name: str, processes: int, trials: int, args: argparse.Namespace) -> float:
    """Seconds an epoch of processes side by side, each with a pack of so many trials."""
    context = get_context("spawn")
    start = {"initializer": _meet, "initargs": (context.Barrier(processes),)}
    with ProcessPoolExecutor(processes, mp_context=context, **start) as pool:
        futures = [pool.submit(_beside, name, trials, args) for _ in range(processes)]
        began, ended = zip(*(future.result() for future in futures), strict=True)
    return (max(ended) - min(began)) / args.epochs
