"""Distribution shift while a trial trains: permuted inputs, or another data set and back.

Permuted inputs show whether a network goes on learning (loss of plasticity), another data set and
back what it forgets.
Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning" (online permuted MNIST:
800 tasks, each sample seen once).
Differs: tasks have validation samples, permuted alike, and may have several epochs; pixels are
permuted as the model sees them, after resizing; of text the characters are permuted.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core import component
from espalier.core.contracts import CannotTrain, Run
from espalier.core.samples import SampleShape, Shape, Split, TokenShape
from espalier.core.trial import EPOCHS, Record
from espalier.core.trial_config import Config
from espalier.train.data.shift_schedule import ShiftPlan
from espalier.train.data.splits import (
    Data,
    PreparedSplits,
    SealedTest,
    SplitRequest,
    check_batch,
    prepare_splits,
)
from espalier.train.engine import seeds
from espalier.train.engine.task_sequence import (
    Measure,
    PeriodicTasks,
    TaskSamples,
    first_and_last_accuracy,
    last_task,
    task_ends,
)


def apply_shift(config: Config, data: Data) -> Data:
    """Return the data of a trial with the shift of its configuration.

    Raises CannotTrain if the epochs cannot be divided into tasks or there is nothing to shift to,
    UserError if that is absent or damaged.
    """
    plan = component.build(ShiftPlan, config, "")
    epochs, each = config.read(EPOCHS, int), plan.task_epochs or 1
    plan.check_epochs(epochs)
    if plan.kind == "permuted":
        return _permuted(data, PermutedTasks(each, plan.seed or 0, data.request), epochs)
    if plan.kind == "return":
        other = _shifted_request(data.request)
        data = _returning(data, ReturningTasks(each, data.request, other))
        check_batch(config.read("BATCH_SIZE", int), len(data.train))
    return data


def _permuted(data: Data, tasks: PermutedTasks, epochs: int) -> Data:
    """Return `data` under `tasks`; the test is that of the last task, and still sealed."""
    test = tasks.permute(prepare_splits(data.request).test, tasks.task(epochs - 1))
    return replace(data, test=SealedTest(test), tasks=tasks)


def _returning(data: Data, tasks: ReturningTasks) -> Data:
    other = prepare_splits(tasks.other)
    other.check_untouched()
    if other.shape != data.shape:
        raise CannotTrain(
            "shift", f"CONFIG_SHIFT=return: {other.shape} is to follow {data.shape}: must be equal"
        )
    digest = hashlib.sha256(f"{data.fingerprint}{other.fingerprint}".encode()).hexdigest()[:16]
    train = tasks.samples(0).train
    return replace(data, train=train, fingerprint=digest, tasks=tasks)


def _shifted_request(request: SplitRequest) -> SplitRequest:
    dataset = request.dataset.shifted()
    if dataset is None:
        raise CannotTrain("shift", "CONFIG_SHIFT=return: this data set has none to shift to")
    return replace(request, dataset=dataset)


@dataclass(frozen=True)
class PermutedTasks(PeriodicTasks):
    """Tasks with one permutation of the input each; the first leaves it as it is.

    Of images the pixels are permuted, those of all channels alike, of text the characters that
    the model knows, in its inputs and in its labels.
    """

    seed: int
    request: SplitRequest

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_permuted(self, task, prepare_splits(self.request))

    def permute(self, split: Split, task: int) -> Split:
        """Return `split` in the permutation of a task, from 0."""
        if task == 0:
            return split
        shape = prepare_splits(self.request).shape
        order = permutation(_places(shape), self.seed, task).to(split.device)
        kind = PermutedPixels if isinstance(shape, SampleShape) else PermutedCharacters
        return kind(split.x, split.y, split, order)

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return means over all tasks, and over the first and the last of them."""
        return {**super().measures(history), **first_and_last_accuracy(history)}


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _samples_permuted(tasks: PermutedTasks, task: int, data: PreparedSplits) -> TaskSamples:
    return TaskSamples(tasks.permute(data.train, task), tasks.permute(data.validation, task))


def permutation(places: int, seed: int, task: int) -> Tensor:
    """Return the order of pixels or characters of a task, from 1: (places,) int64.

    It does not depend on the permutations of other tasks.
    """
    generator = torch.Generator().manual_seed(seeds.derive_seed(seed, f"shift {task}"))
    return torch.randperm(places, generator=generator)


def _places(shape: Shape) -> int:
    """Return how many pixels or characters a sample permutes."""
    match shape:
        case SampleShape():
            return shape.height * shape.width
        case TokenShape():
            return shape.vocabulary


@dataclass(frozen=True)
class PermutedPixels(Split):
    """The samples of `inner`, permuted batch by batch: tasks need no memory.

    Pixel i, counted row by row, is what was pixel `order[i]`; `order` is (height * width,).
    """

    inner: Split
    order: Tensor

    @property
    def device(self) -> torch.device:
        """Return the device of batches and pieces."""
        return self.inner.device

    @override
    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.permute(x, y) for x, y in self.inner.batches(orders, batch_size))

    @override
    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.permute(x, y) for x, y in self.inner.pieces(size))

    def permute(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return a permuted copy of images x (n, channels, height, width); labels y (n,) stay."""
        return x.flatten(2).index_select(2, self.order).view(x.shape), y


@dataclass(frozen=True)
class PermutedCharacters(PermutedPixels):
    """The same for text: character c becomes `order[c]`; `order` is (vocabulary,)."""

    @override
    def permute(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return permuted copies of windows and next characters, both (n, context)."""
        return self.order[x], self.order[y]


@dataclass(frozen=True)
class ReturningTasks(PeriodicTasks):
    """A, B, and A again until the end: what B costs of A, and how fast it comes back.

    Both have as many training samples as the smaller of them: the first of the larger one.
    """

    request: SplitRequest
    other: SplitRequest

    @override
    def task(self, epoch: int) -> int:
        return min(2, super().task(epoch))

    @override
    def samples(self, task: int) -> TaskSamples:
        return self._both()[task % 2]

    @override
    def epoch_measures(self, run: Run, measure: Measure) -> Record:
        """Return the task; at the end of a phase also loss and accuracy on A and on B."""
        record = super().epoch_measures(run, measure)
        if run.epoch < run.epochs and self.task(run.epoch) == self.task(run.epoch - 1):
            return record
        for name, samples in zip("ab", self._both(), strict=True):
            record[f"val_loss_{name}"], record[f"val_acc_{name}"] = measure(samples.validation)
        return record

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return means over the phases, and differences of losses (nats) between phases.

        `forgetting`: A after B minus A before; `gain`: A before minus A in the end;
        `relearning_steps`: updates after the return until A is as good as it was before, to the
        epoch, None if it never was; `shifted_val_loss`: B after B; `shifted_forgetting`: B in the
        end minus that.
        """
        first, second, last = task_ends(history)
        return {
            **super().measures(history),
            "forgetting": second["val_loss_a"] - first["val_loss_a"],
            "gain": first["val_loss_a"] - last["val_loss_a"],
            "relearning_steps": _relearning(history, first["val_loss_a"], second["step"]),
            "shifted_val_loss": second["val_loss_b"],
            "shifted_forgetting": last["val_loss_b"] - second["val_loss_b"],
        }

    def _both(self) -> tuple[TaskSamples, TaskSamples]:
        return _samples_of_two(prepare_splits(self.request), prepare_splits(self.other))


@functools.lru_cache(maxsize=1)
def _samples_of_two(a: PreparedSplits, b: PreparedSplits) -> tuple[TaskSamples, TaskSamples]:
    n = min(len(a.train), len(b.train))
    train = (replace(data.train, x=data.train.x[:n], y=data.train.y[:n]) for data in (a, b))
    return TaskSamples(next(train), a.validation), TaskSamples(next(train), b.validation)


def _relearning(history: Sequence[Record], loss: float, returned: int) -> int | None:
    """Return the updates after step `returned` until the validation loss is at most `loss`."""
    again = last_task(history)
    return next((r["step"] - returned for r in again if r["val_loss"] <= loss), None)
