"""The only training loop, for one run or for a pack of them.

Nothing in it waits for the device: losses are summed there and read once an epoch.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from espalier.measured import own_sparsity
from espalier.train import distributed
from espalier.train.data import batches
from espalier.train.distributed import Distributed
from espalier.train.evaluation import evaluate
from espalier.train.pack import Pack, release
from espalier.train.solo import Solo
from espalier.train.trainee import Trainee
from espalier.trial import Record


class DivergedError(Exception):
    """A loss stopped being a number; the text says which and when."""

    reason = "diverged"


class LeakError(DivergedError):
    """A validation loss is lower than any model's can be that does not see the answers."""

    reason = "leak"


class Program(Protocol):
    """How the runs of a loop compute: one (`Solo`), shared (`Distributed`) or many (`Pack`)."""

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Losses (K,) of a batch x (K*b, ...), y (K*b,); the gradients are in the runs."""
        ...

    def update(self) -> None:
        """Step every optimizer."""
        ...

    def check(self) -> None:
        """Raise RuntimeError if the runs' models are no longer what is computed with."""
        ...

    def settle(self) -> None:
        """Leave the runs' generators where the random numbers of training have come to."""
        ...


def program(trainees: Sequence[Trainee], verified: bool = False) -> Program:
    """Plain PyTorch for one run. Raises CannotPack if several cannot be one program."""
    if len(trainees) > 1:
        return Pack(trainees, verified)
    return Distributed(trainees[0]) if distributed.is_joined() else Solo(trainees[0])


class Loop:
    """Trains one run, or several that are alike, each to its own end."""

    def __init__(self, trainees: Sequence[Trainee]) -> None:
        """Raises CannotPack."""
        self._trainees = list(trainees)
        self._program = program(self._trainees)

    def epochs(self) -> Iterator[tuple[Trainee, Record | DivergedError]]:
        """Train; for each run one record an epoch.

        A run that reaches its last epoch, or is stopped, leaves, and so does one with a mean loss,
        of training or validation, that is not finite or cannot be: its last item is the error.
        Raises CannotPack before anything has been updated.
        """
        while self._trainees:
            outcomes = self._epoch()
            staying = [trainee for trainee, outcome in outcomes if not _last(trainee, outcome)]
            while outcomes:  # handed out one by one: nothing is kept of those that end
                yield outcomes.pop(0)
            self._go_on(staying)

    def _go_on(self, staying: list[Trainee]) -> None:
        """Train those that are left, as if the others had never been there."""
        before, self._trainees = len(self._trainees), staying
        if 0 < len(staying) < before:
            del self._program  # with its stacks, before there are new ones
            if len(staying) == 1:
                release(staying[0].run)
            self._program = program(staying, verified=True)

    def _epoch(self) -> list[tuple[Trainee, Record | DivergedError]]:
        started = time.perf_counter()
        losses = self._train()
        self._program.check()
        self._program.settle()
        outcomes = [_closing(t, loss) for t, loss in zip(self._trainees, losses, strict=True)]
        share = (time.perf_counter() - started) / len(self._trainees)
        for outcome in outcomes:
            if not isinstance(outcome, DivergedError):
                outcome["seconds"] = share
        return list(zip(self._trainees, outcomes, strict=True))

    def _train(self) -> list[float]:
        """One epoch of updates; each run's mean loss of a sample."""
        runs = [trainee.run for trainee in self._trainees]
        for trainee in self._trainees:
            trainee.course.begin(trainee.run)
            trainee.run.model.train()
        total = torch.zeros(len(runs), device=self._trainees[0].device, dtype=torch.float64)
        samples = 0
        for x, y in batches(runs):
            each = len(y) // len(runs)
            total += self.step(x, y) * each
            samples += each
        means: list[float] = (total / samples).tolist()
        return means

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """One update of each run on a batch, as `batches` yields it. Losses, (K,)."""
        for trainee in self._trainees:
            trainee.set_rate()
        losses = self._program.backward(x, y)
        for trainee in self._trainees:
            trainee.after_backward()
        self._program.update()
        for trainee in self._trainees:
            trainee.after_step()
        return losses


def _last(trainee: Trainee, outcome: Record | DivergedError) -> bool:
    return isinstance(outcome, DivergedError) or trainee.ended


def _closing(trainee: Trainee, train_loss: float) -> Record | DivergedError:
    """What the end of an epoch brings for one run."""
    run = trainee.run
    run.epoch += 1
    if not math.isfinite(train_loss):
        return DivergedError(f"training loss is {train_loss} in epoch {run.epoch}")
    run.method.after_epoch(run)
    loss, accuracy = evaluate(trainee, run.validation)
    if not math.isfinite(loss):
        return DivergedError(f"validation loss is {loss} in epoch {run.epoch}")
    if loss < trainee.least_loss:
        return LeakError(
            f"validation loss is {loss:.3f} in epoch {run.epoch}, below {trainee.least_loss}: the "
            "model has seen what it is to predict, or the text repeats itself"
        )
    record: Record = {
        "epoch": run.epoch,
        "epochs": run.epochs,
        "step": run.step,
        "train_loss": train_loss,
        "val_loss": loss,
        "val_acc": accuracy,
        "lr": run.optimizer.param_groups[0]["lr"],
        "sparsity": own_sparsity(run.model),
        **trainee.course.closing(run, functools.partial(evaluate, trainee)),
        **run.method.measures(run),
    }
    if trainee.stopping:
        trainee.stopping.heed(run, record)
    return record
