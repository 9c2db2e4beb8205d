"""The only training loop, for one run or for a pack of runs.

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

from espalier.core.records import EpochRecord
from espalier.core.self_measuring import own_sparsity
from espalier.core.trial import Record
from espalier.train.data.splits import batches
from espalier.train.engine import distributed, gpu_trace
from espalier.train.engine.distributed import Distributed
from espalier.train.engine.evaluation import evaluate
from espalier.train.engine.gpu_trace import GpuTrace
from espalier.train.engine.single_program import SingleProgram
from espalier.train.engine.trainer import Trainer
from espalier.train.packs.pack import Pack, release
from espalier.train.packs.step_graphs import StepGraphs


class DivergedError(Exception):
    """A loss is not finite; the text says which and when."""

    reason = "diverged"


class LeakError(DivergedError):
    """A validation loss is lower than is possible without seeing the labels."""

    reason = "leak"


class Program(Protocol):
    """Forward, backward and update of the runs: `SingleProgram`, `Distributed` or `Pack`."""

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return losses (K,) of a batch x (K*b, ...), y (K*b,); the gradients are in the runs."""
        ...

    def update(self) -> None:
        """Step every optimizer."""
        ...

    def check(self) -> None:
        """Raise RuntimeError if the runs' models are no longer what is computed with."""
        ...

    def store_generators(self) -> None:
        """Copy the state of the random numbers of training to the runs' generators."""
        ...


def make_program(trainers: Sequence[Trainer], verified: bool = False) -> Program:
    """Return plain PyTorch for one run. Raises CannotPack if several cannot be one program."""
    if len(trainers) > 1:
        pack = Pack(trainers, verified)
        return StepGraphs(pack) if trainers[0].graphs else pack
    return Distributed(trainers[0]) if distributed.is_joined() else SingleProgram(trainers[0])


class Loop:
    """Trains one run, or several that are alike, each to its own end."""

    def __init__(self, trainers: Sequence[Trainer], trace: GpuTrace | None = None) -> None:
        """Record in each epoch what a `trace` of the GPU says of it. Raises CannotPack."""
        self._trainers, self._trace = list(trainers), trace
        self._program = make_program(self._trainers)

    def epochs(self) -> Iterator[tuple[Trainer, Record | DivergedError]]:
        """Train; yield for each run one record an epoch.

        A run that reaches its last epoch, or is stopped or paused, leaves, and so does one with a
        mean loss, of training or validation, that is not finite or cannot be: its last item is the
        error.
        Raises CannotPack before anything has been updated.
        """
        while self._trainers:
            outcomes = self._epoch()
            staying = [trainer for trainer, outcome in outcomes if not _ends(trainer, outcome)]
            while outcomes:  # handed out one by one: nothing is kept of those that end
                yield outcomes.pop(0)
            self._continue(staying)

    def _continue(self, staying: list[Trainer]) -> None:
        """Train the runs that are left, as if the others had never been there."""
        before, self._trainers = len(self._trainers), staying
        if 0 < len(staying) < before:
            del self._program  # with its stacks, before there are new ones
            if len(staying) == 1:
                release(staying[0].run)
            self._program = make_program(staying, verified=True)

    def _epoch(self) -> list[tuple[Trainer, Record | DivergedError]]:
        started = time.perf_counter()
        losses = self._train()
        self._program.check()
        self._program.store_generators()
        outcomes = [_close_epoch(t, loss) for t, loss in zip(self._trainers, losses, strict=True)]
        seconds = (time.perf_counter() - started) / len(self._trainers)
        traced = gpu_trace.shared(self._trace.take(), len(outcomes)) if self._trace else {}
        for outcome in outcomes:
            if not isinstance(outcome, DivergedError):
                outcome.update(seconds=seconds, **traced)
        return list(zip(self._trainers, outcomes, strict=True))

    def _train(self) -> list[float]:
        """Do one epoch of updates; return each run's mean loss of a sample."""
        runs = [trainer.run for trainer in self._trainers]
        for trainer in self._trainers:
            trainer.begin_epoch()
        total = torch.zeros(len(runs), device=self._trainers[0].device, dtype=torch.float64)
        samples = 0
        for x, y in batches(runs):
            batch_size = len(y) // len(runs)
            total += self.step(x, y) * batch_size
            samples += batch_size
        for trainer in self._trainers:
            trainer.end_updates()
        means: list[float] = (total / samples).tolist()
        return means

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """Update each run on a batch, as `batches` yields it; return the losses, (K,)."""
        samples = len(y) // len(self._trainers)
        for trainer in self._trainers:
            trainer.set_learning_rate()
        losses = self._program.backward(x, y)
        for trainer in self._trainers:
            trainer.run.count_passes(samples, samples)  # after a pack has been verified
            trainer.after_backward()
        self._program.update()
        for trainer in self._trainers:
            trainer.after_step()
        return losses


def _ends(trainer: Trainer, outcome: Record | DivergedError) -> bool:
    return isinstance(outcome, DivergedError) or trainer.ended or trainer.paused


def _close_epoch(trainer: Trainer, train_loss: float) -> Record | DivergedError:
    """End an epoch of one run: return its record, or the error that ends the run."""
    run = trainer.run
    run.epoch += 1
    if not math.isfinite(train_loss):
        return DivergedError(f"training loss is {train_loss} in epoch {run.epoch}")
    run.method.after_epoch(run)
    loss, accuracy = evaluate(trainer, run.validation)
    if not math.isfinite(loss):
        return DivergedError(f"validation loss is {loss} in epoch {run.epoch}")
    if loss < trainer.least_loss:
        return LeakError(
            f"validation loss is {loss:.3f} in epoch {run.epoch}, below {trainer.least_loss}: the "
            "model has seen what it is to predict, or the text repeats itself"
        )
    epoch_record = EpochRecord(
        epoch=run.epoch,
        epochs=run.epochs,
        step=run.step,
        train_loss=train_loss,
        val_loss=loss,
        val_acc=accuracy,
        lr=run.optimizer.param_groups[0]["lr"],
        sparsity=own_sparsity(run.model),
    )
    record: Record = {
        **epoch_record.as_json(),
        **trainer.tasks.epoch_measures(run, functools.partial(evaluate, trainer)),
        **run.method.measures(run),
    }
    if trainer.stopping:
        trainer.stopping.after_epoch(run, record)
    return record
