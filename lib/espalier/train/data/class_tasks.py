"""Tasks of some of the classes each."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.samples import SampleShape, Split
from espalier.core.trial import Record
from espalier.train.data.chosen_samples import choose
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.splits import PreparedSplits, prepare_splits
from espalier.train.data.task_orders import permutation
from espalier.train.engine.task_sequence import Measure, TaskSamples

SEEN = ("seen_val_loss", "seen_val_acc")


@dataclass(frozen=True)
class ClassSequence(DrawnTasks, ABC):
    """Tasks of some of the classes each, by `classes`, in an order that the seed draws."""

    classes: int

    @abstractmethod
    def members(self, task: int) -> list[int]:
        """Return the classes of a task, from 0."""

    @abstractmethod
    def train_places(self, split: Split, task: int) -> Tensor:
        """Return the training samples of a task, (n,) int64, as many in each task."""

    def check(self) -> None:
        """Raise CannotTrain unless there are more classes than the first task has."""
        total = len(self.order())
        if self.classes >= total:
            raise CannotTrain(
                "shift",
                f"CONFIG_SHIFT_CLASSES_OF_TASK={self.classes}: must be below the {total} classes "
                "of the data set, or no class is left to come",
            )

    def order(self) -> list[int]:
        """Return all classes, in the order in which they come."""
        shape = prepare_splits(self.request).shape
        assert isinstance(shape, SampleShape)
        order: list[int] = permutation(shape.classes, self.seed, 0).tolist()
        return order

    @override
    def of_task(self, split: Split, task: int) -> Split:
        return choose(split, self.places(split, task))

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_of_classes(self, task, prepare_splits(self.request))

    def places(self, split: Split, task: int) -> Tensor:
        """Return which samples of `split` are of the classes of a task."""
        return places_of(split, self.members(task))


@dataclass(frozen=True)
class ClassTasks(ClassSequence):
    """Tasks of `classes` classes each, with their own labels: the network has outputs for all.

    Classes come in an order that the seed draws; when all have had their turn they come again. A
    share below 1 is that of a task's classes that leave, for the next in the order, before the
    next task. All tasks have as many training samples as the smallest of them.
    Source: van de Ven, Tuytelaars and Tolias 2022, "Three types of incremental learning"
    (class-incremental learning: one output for each class, and no label of the task).
    Differs: validation and test are of the classes of the task; what is measured on all classes
    seen so far stands beside them. Classes return.
    """

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

    @override
    def members(self, task: int) -> list[int]:
        order, first = self.order(), task * max(1, round(self.share * self.classes))
        return [order[(first + k) % len(order)] for k in range(self.classes)]

    def validation_seen(self, task: int) -> Split:
        """Return the validation samples of all classes up to those of a task, from 0."""
        seen = {label for past in range(task + 1) for label in self.members(past)}
        return _samples_seen(prepare_splits(self.request), frozenset(seen))

    @override
    def train_places(self, split: Split, task: int) -> Tensor:
        fewest = min(len(self.places(split, k)) for k in range(len(self.order())))
        return self.places(split, task)[:fewest]


def places_of(split: Split, classes: Iterable[int]) -> Tensor:
    """Return which samples of `split` are of `classes`."""
    members = torch.tensor(list(classes), device=split.y.device)
    return torch.isin(split.y, members).nonzero().flatten()


@functools.lru_cache(maxsize=1)
def _samples_seen(data: PreparedSplits, classes: frozenset[int]) -> Split:
    return choose(data.validation, places_of(data.validation, classes))


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _samples_of_classes(tasks: ClassSequence, task: int, data: PreparedSplits) -> TaskSamples:
    train = choose(data.train, tasks.train_places(data.train, task))
    return TaskSamples(train, tasks.of_task(data.validation, task))
