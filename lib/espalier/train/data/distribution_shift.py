"""Distribution shift while a trial trains: tasks that follow each other, abruptly or by degrees.

Permuted inputs, exchanged labels and other classes show whether a network goes on learning (loss of
plasticity), another data set and back what it forgets.
Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning" (online permuted MNIST:
800 tasks, each sample seen once).
Differs: tasks have validation samples, permuted alike, and may have several epochs; pixels are
permuted as the model sees them, after resizing; of text the characters are permuted. With a share
below 1 so many of the pixels, characters or classes change from task to task, and the rest stays.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core import component
from espalier.core.contracts import CannotTrain, Run
from espalier.core.samples import SampleShape, Shape, Split
from espalier.core.trial import EPOCHS, Record
from espalier.core.trial_config import Config
from espalier.train.data.chosen_samples import choose
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.growing_tasks import GrowingTasks
from espalier.train.data.random_labels import RandomLabelTasks
from espalier.train.data.shift_schedule import ShiftPlan
from espalier.train.data.splits import (
    Data,
    PreparedSplits,
    SealedTest,
    SplitRequest,
    check_batch,
    prepare_splits,
)
from espalier.train.data.task_orders import permutation, task_order
from espalier.train.engine.task_sequence import (
    Measure,
    PeriodicTasks,
    TaskSamples,
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
    if plan.kind in PERMUTED:
        return _with_tasks(data, _permuted_tasks(plan, each, data.request), epochs)
    if plan.kind == "random_labels":
        labels = RandomLabelTasks(each, data.request, plan.seed or 0, plan.share or 1.0)
        return _with_tasks(data, labels, epochs)
    if plan.kind in OF_CLASSES:
        tasks = _class_tasks(plan, each, data.request)
        tasks.check()
        data = _with_tasks(data, tasks, epochs)
        check_batch(config.read("BATCH_SIZE", int), len(data.train))
    if plan.kind == "return":
        other = _shifted_request(data.request)
        data = _returning(data, ReturningTasks(each, data.request, other))
        check_batch(config.read("BATCH_SIZE", int), len(data.train))
    return data


def _permuted_tasks(plan: ShiftPlan, each: int, request: SplitRequest) -> PermutedTasks:
    kind = PERMUTED[plan.kind]
    return kind(each, request, plan.seed or 0, plan.share or 1.0)


def _class_tasks(plan: ShiftPlan, each: int, request: SplitRequest) -> ClassTasks | GrowingTasks:
    kind = OF_CLASSES[plan.kind]
    return kind(each, request, plan.seed or 0, plan.share or 1.0, plan.classes or 1)


def _with_tasks(data: Data, tasks: DrawnTasks, epochs: int) -> Data:
    """Return `data` under `tasks`; the test is that of the last task, and still sealed."""
    test = tasks.of_task(prepare_splits(data.request).test, tasks.task(epochs - 1))
    train = tasks.samples(0).train
    return replace(data, train=train, test=SealedTest(test), tasks=tasks)


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
class PermutedTasks(DrawnTasks):
    """Tasks with one permutation of the input each; the first leaves it as it is.

    Of images the pixels are permuted, those of all channels alike, of text the characters that
    the model knows, in its inputs and in its labels.
    """

    @override
    def of_task(self, split: Split, task: int) -> Split:
        if task == 0:
            return split
        shape = prepare_splits(self.request).shape
        order = task_order(self.places(shape), self.seed, task, self.share).to(split.device)
        return self.kind(shape)(split.x, split.y, split, order)

    def places(self, shape: Shape) -> int:
        """Return how many pixels or characters a sample permutes."""
        return shape.height * shape.width if isinstance(shape, SampleShape) else shape.vocabulary

    def kind(self, shape: Shape) -> type[PermutedPixels]:
        """Return the split that permutes samples of `shape`."""
        return PermutedPixels if isinstance(shape, SampleShape) else PermutedCharacters


@dataclass(frozen=True)
class RelabelledTasks(PermutedTasks):
    """Tasks whose inputs stay, and whose classes exchange their labels; the first has its own.

    Of text it is the characters to be predicted that are exchanged.
    Source: Elsayed and Mahmood 2024, arXiv 2404.00781, section 4 (label-permuted EMNIST).
    """

    @override
    def places(self, shape: Shape) -> int:
        return shape.classes if isinstance(shape, SampleShape) else shape.vocabulary

    @override
    def kind(self, shape: Shape) -> type[PermutedPixels]:
        return PermutedLabels


PERMUTED: Mapping[str, type[PermutedTasks]] = {"permuted": PermutedTasks, "labels": RelabelledTasks}


SEEN = ("seen_val_loss", "seen_val_acc")


@dataclass(frozen=True)
class ClassTasks(DrawnTasks):
    """Tasks of `classes` classes each, with their own labels: the network has outputs for all.

    Classes come in an order that the seed draws; when all have had their turn they come again. A
    share below 1 is that of a task's classes that leave, for the next in the order, before the
    next task. All tasks have as many training samples as the smallest of them.
    Source: van de Ven, Tuytelaars and Tolias 2022, "Three types of incremental learning"
    (class-incremental learning: one output for each class, and no label of the task).
    Differs: validation and test are of the classes of the task; what is measured on all classes
    seen so far stands beside them. Classes return.
    """

    classes: int

    @override
    def epoch_measures(self, run: Run, measure: Measure) -> Record:
        """Return the task; at its end also loss and accuracy on all classes seen so far."""
        record = super().epoch_measures(run, measure)
        if run.epoch == run.epochs or self.changes_at(run.epoch):
            seen = self.validation_seen(self.task(run.epoch - 1))
            record.update(zip(SEEN, measure(seen), strict=True))
        return record

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return the same of the last task too: of all classes, if all have had their turn."""
        seen = [{name: record[name] for name in SEEN} for record in history if SEEN[0] in record]
        return {**super().measures(history), **(seen[-1] if seen else {})}

    def check(self) -> None:
        """Raise CannotTrain unless there are more classes than a task has."""
        shape = prepare_splits(self.request).shape
        if isinstance(shape, SampleShape) and self.classes >= shape.classes:
            raise CannotTrain(
                "shift",
                f"CONFIG_SHIFT_CLASSES_OF_TASK={self.classes}: must be below the "
                f"{shape.classes} classes of the data set, or no class is left to come",
            )

    def members(self, task: int) -> list[int]:
        """Return the classes of a task, from 0."""
        shape = prepare_splits(self.request).shape
        assert isinstance(shape, SampleShape)
        order = permutation(shape.classes, self.seed, 0).tolist()
        first = task * max(1, round(self.share * self.classes))
        return [order[(first + k) % len(order)] for k in range(self.classes)]

    @override
    def of_task(self, split: Split, task: int) -> Split:
        return choose(split, self._places(split, task))

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_of_classes(self, task, prepare_splits(self.request))

    def validation_seen(self, task: int) -> Split:
        """Return the validation samples of all classes up to those of a task, from 0."""
        seen = {label for past in range(task + 1) for label in self.members(past)}
        return _samples_seen(prepare_splits(self.request), frozenset(seen))

    def train_places(self, split: Split, task: int) -> Tensor:
        """Return the training samples of a task, as many in each task."""
        shape = prepare_splits(self.request).shape
        assert isinstance(shape, SampleShape)
        fewest = min(len(self._places(split, k)) for k in range(shape.classes))
        return self._places(split, task)[:fewest]

    def _places(self, split: Split, task: int) -> Tensor:
        return _places_of(split, self.members(task))


def _places_of(split: Split, classes: Iterable[int]) -> Tensor:
    """Return which samples of `split` are of `classes`."""
    members = torch.tensor(list(classes), device=split.y.device)
    return torch.isin(split.y, members).nonzero().flatten()


@functools.lru_cache(maxsize=1)
def _samples_seen(data: PreparedSplits, classes: frozenset[int]) -> Split:
    return choose(data.validation, _places_of(data.validation, classes))


@functools.lru_cache(maxsize=1)
def _samples_of_classes(tasks: ClassTasks, task: int, data: PreparedSplits) -> TaskSamples:
    train = choose(data.train, tasks.train_places(data.train, task))
    return TaskSamples(train, tasks.of_task(data.validation, task))


OF_CLASSES: Mapping[str, type[ClassTasks | GrowingTasks]] = {
    "classes": ClassTasks,
    "growing": GrowingTasks,
}


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
class PermutedLabels(PermutedPixels):
    """The same for labels alone: what was c is called `order[c]`; `order` is (classes,)."""

    @override
    def permute(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x as it is and permuted labels y, (n,) or (n, context)."""
        return x, self.order[y]


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
        if run.epoch < run.epochs and not self.changes_at(run.epoch):
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
