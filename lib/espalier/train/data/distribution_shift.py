"""Data that changes while a trial trains: permuted inputs, or another data set and back.

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
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core import component
from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run, SampleShape, Shape, Split, TokenShape
from espalier.core.trial import Record
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass
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


@kconfig_dataclass
class ShiftPlan:
    """How the data of a trial changes."""

    kind: Literal["none", "permuted", "return"] = symbol("SHIFT")
    task_epochs: int | None = symbol("SHIFT_EPOCHS")
    seed: int | None = symbol("SHIFT_SEED")


def apply_shift(config: Config, data: Data) -> Data:
    """The data of a trial as its configuration wants them to change.

    Raises CannotTrain if the epochs cannot be divided into tasks or there is nothing to shift to,
    UserError if that is absent or damaged.
    """
    plan = component.build(ShiftPlan, config, "")
    epochs, each = config.read("NUM_EPOCHS", int), plan.task_epochs or 1
    if plan.kind == "permuted":
        return _permuted(data, PermutedTasks(each, plan.seed or 0, data.request), epochs)
    if plan.kind == "return":
        found = _returning(data, ReturningTasks(each, data.request, _other(data.request)), epochs)
        check_batch(config.read("BATCH_SIZE", int), len(found.train))
        return found
    return data


def _permuted(data: Data, course: PermutedTasks, epochs: int) -> Data:
    """The test is that of the last task, and still sealed."""
    if epochs % course.task_epochs or epochs == course.task_epochs:
        raise CannotTrain(
            "shift",
            f"CONFIG_NUM_EPOCHS={epochs}: must be two or more times CONFIG_SHIFT_EPOCHS="
            f"{course.task_epochs}, a whole number of tasks",
        )
    test = course.changed(prepare_splits(data.request).test, course.task(epochs - 1))
    return replace(data, test=SealedTest(test), course=course)


def _returning(data: Data, course: ReturningTasks, epochs: int) -> Data:
    if epochs <= 2 * course.task_epochs:
        raise CannotTrain(
            "shift",
            f"CONFIG_NUM_EPOCHS={epochs}: must be more than twice CONFIG_SHIFT_EPOCHS="
            f"{course.task_epochs}, so that there is an epoch after the return",
        )
    there = prepare_splits(course.other)
    there.check_untouched()
    if there.shape != data.shape:
        raise CannotTrain(
            "shift", f"CONFIG_SHIFT=return: {there.shape} is to follow {data.shape}: must be equal"
        )
    named = hashlib.sha256(f"{data.fingerprint}{there.fingerprint}".encode()).hexdigest()[:16]
    train = course.samples(0).train
    return replace(data, train=train, fingerprint=named, course=course)


def _other(request: SplitRequest) -> SplitRequest:
    dataset = request.dataset.shifted()
    if dataset is None:
        raise CannotTrain("shift", "CONFIG_SHIFT=return: this data set has none to shift to")
    return replace(request, dataset=dataset)


@dataclass(frozen=True)
class PermutedTasks(PeriodicTasks):
    """Tasks that permute the input each in its own way; the first leaves it as it is.

    Of images the pixels are permuted, those of all channels alike, of text the characters that
    the model knows, in what it reads and in what it is to predict.
    """

    seed: int
    request: SplitRequest

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_permuted(self, task, prepare_splits(self.request))

    def changed(self, split: Split, task: int) -> Split:
        """`split` as task number `task`, from 0, sees it."""
        if task == 0:
            return split
        shape = prepare_splits(self.request).shape
        order = permutation(_places(shape), self.seed, task).to(split.device)
        kind = PermutedPixels if isinstance(shape, SampleShape) else PermutedCharacters
        return kind(split.x, split.y, split, order)

    def measures(self, history: Sequence[Record]) -> Record:
        """Means over the tasks, and over the first and the last of them."""
        return {**super().measures(history), **first_and_last_accuracy(history)}


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _samples_permuted(course: PermutedTasks, task: int, data: PreparedSplits) -> TaskSamples:
    return TaskSamples(course.changed(data.train, task), course.changed(data.validation, task))


def permutation(places: int, seed: int, task: int) -> Tensor:
    """The order of task number `task`, from 1, of so many pixels or characters, (places,) int64.

    It can be had without those of the tasks before.
    """
    generator = torch.Generator().manual_seed(seeds.derive_seed(seed, f"shift {task}"))
    return torch.randperm(places, generator=generator)


def _places(shape: Shape) -> int:
    """What can be permuted in a sample."""
    match shape:
        case SampleShape():
            return shape.height * shape.width
        case TokenShape():
            return shape.vocabulary


@dataclass(frozen=True)
class PermutedPixels(Split):
    """The samples of `inner`, permuted as they are handed out: tasks need no memory.

    Pixel i, counted row by row, is what was pixel `order[i]`; `order` is (height * width,).
    """

    inner: Split
    order: Tensor

    @property
    def device(self) -> torch.device:
        """Where batches and pieces are."""
        return self.inner.device

    @override
    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.changed(x, y) for x, y in self.inner.batches(orders, batch_size))

    @override
    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.changed(x, y) for x, y in self.inner.pieces(size))

    def changed(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """A permuted copy of images x (n, channels, height, width); labels y (n,) stay."""
        return x.flatten(2).index_select(2, self.order).view(x.shape), y


@dataclass(frozen=True)
class PermutedCharacters(PermutedPixels):
    """The same for text: character c becomes `order[c]`; `order` is (vocabulary,)."""

    def changed(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Permuted copies of windows and of what follows each character, (n, context)."""
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

    def closing(self, run: Run, measure: Measure) -> Record:
        """The task; at the end of a phase also how good the run is on A and on B."""
        record = super().closing(run, measure)
        if run.epoch < run.epochs and self.task(run.epoch) == self.task(run.epoch - 1):
            return record
        for name, samples in zip("ab", self._both(), strict=True):
            record[f"val_loss_{name}"], record[f"val_acc_{name}"] = measure(samples.validation)
        return record

    def measures(self, history: Sequence[Record]) -> Record:
        """Means over the phases, and losses in nats after one phase minus those after another.

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
def _samples_of_two(one: PreparedSplits, other: PreparedSplits) -> tuple[TaskSamples, TaskSamples]:
    samples = min(len(one.train), len(other.train))
    first, second = (
        TaskSamples(_first(samples, each.train), each.validation) for each in (one, other)
    )
    return first, second


def _first(samples: int, split: Split) -> Split:
    return replace(split, x=split.x[:samples], y=split.y[:samples])


def _relearning(history: Sequence[Record], loss: float, returned: int) -> int | None:
    """Updates after the one numbered `returned` until the validation loss is at most `loss`."""
    again = last_task(history)
    return next((r["step"] - returned for r in again if r["val_loss"] <= loss), None)
