"""What a run trains on in the course of its epochs: one data set throughout, or task after task.

A course holds nothing that changes: the epoch tells the task, so a run that goes on from any epoch
goes on with the same samples. What it measures in the end is a function of the epochs' records.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from typing_extensions import override

from espalier.core.contracts import Run, Split
from espalier.core.trial import Record

Measure = Callable[[Split], tuple[float, float]]
"""The mean loss (nats) and the accuracy (percent) of a run as it is now on some samples."""

END_SHARE = 0.1  # share of the tasks that the first, or the last, tasks are


@dataclass(frozen=True)
class TaskSamples:
    """What one task trains on and is validated on."""

    train: Split
    validation: Split


@dataclass(frozen=True)
class TaskSequence:
    """One data set throughout; the base of all others, which override what differs."""

    def begin(self, run: Run) -> None:
        """Give `run` the samples of the epoch that it is about to train."""

    def closing(self, run: Run, measure: Measure) -> Record:
        """What the record of the epoch that `run` has just completed says of its task."""
        return {}

    def measures(self, history: Sequence[Record]) -> Record:
        """The final measures, from the records of all epochs."""
        return {}


@dataclass(frozen=True)
class PeriodicTasks(TaskSequence, ABC):
    """A sequence of tasks of `task_epochs` epochs each.

    The samples of all of them are equal in number, so that an epoch always has as many steps.
    """

    task_epochs: int

    def task(self, epoch: int) -> int:
        """The task, from 0, that epoch number `epoch`, from 0, belongs to."""
        return epoch // self.task_epochs

    @abstractmethod
    def samples(self, task: int) -> TaskSamples:
        """Those of task number `task`, from 0: the same object for all runs of a pack."""

    @override
    def begin(self, run: Run) -> None:
        found = self.samples(self.task(run.epoch))
        run.train, run.validation = found.train, found.validation

    def closing(self, run: Run, measure: Measure) -> Record:
        """The task, from 1."""
        return {"task": 1 + self.task(run.epoch - 1)}

    def measures(self, history: Sequence[Record]) -> Record:
        """Means of validation over the ends of all tasks."""
        ends = task_ends(history)
        return {
            "mean_val_loss": fmean(float(record["val_loss"]) for record in ends),
            "mean_val_acc": fmean(float(record["val_acc"]) for record in ends),
        }


def task_ends(history: Sequence[Record]) -> list[Record]:
    """The last record of each task."""
    ends = [record for record, after in pairwise(history) if record["task"] != after["task"]]
    return [*ends, history[-1]]


def last_task(history: Sequence[Record]) -> list[Record]:
    """The records of the last task; all of them where there are no tasks."""
    return [record for record in history if record.get("task") == history[-1].get("task")]


def first_and_last_accuracy(history: Sequence[Record]) -> Record:
    """Mean accuracies at the ends of the first and of the last tenth of the tasks, at least one.

    Their difference is the plasticity that was lost, where all tasks are equally hard.
    """
    found = [float(record["val_acc"]) for record in task_ends(history)]
    some = math.ceil(END_SHARE * len(found))
    return {"first_tasks_acc": fmean(found[:some]), "last_tasks_acc": fmean(found[-some:])}
