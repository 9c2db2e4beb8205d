"""Task sequences: the samples of each epoch of a run, from one data set or task after task.

A sequence has no state: the epoch determines the task, so a run that resumes at any epoch goes on
with the same samples. Its final measures are a function of the epochs' records.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.core.samples import Split
from espalier.core.trial import Record
from espalier.train.engine.plasticity import NAMES, measure_plasticity

Measure = Callable[[Split], tuple[float, float]]
"""Returns the mean loss (nats) and the accuracy (percent) of the current run on a split."""

PROBE = 256  # validation samples that plasticity is measured on, at most
END_SHARE = 0.1  # share of all tasks that counts as the first tasks, or as the last


@dataclass(frozen=True)
class TaskSamples:
    """The training and validation samples of one task."""

    train: Split
    validation: Split


@dataclass(frozen=True)
class TaskSequence:
    """One data set throughout; the base of all others, which override what differs."""

    def begin(self, run: Run) -> None:
        """Set the samples of `run` to those of the epoch that it is about to train."""

    def changes_at(self, epoch: int) -> bool:
        """Return whether another task begins with the epoch after `epoch` complete ones."""
        return False

    def epoch_measures(self, run: Run, measure: Measure) -> Record:
        """Return what the sequence adds to the record of the epoch just completed."""
        return {}

    def measures(self, history: Sequence[Record]) -> Record:
        """Return the final measures, from the records of all epochs."""
        return {}


@dataclass(frozen=True)
class PeriodicTasks(TaskSequence, ABC):
    """A sequence of tasks of `task_epochs` epochs each.

    The samples of all of them are equal in number, so that an epoch always has as many steps.
    """

    task_epochs: int

    def task(self, epoch: int) -> int:
        """Return the task of an epoch; both count from 0."""
        return epoch // self.task_epochs

    @override
    def changes_at(self, epoch: int) -> bool:
        return epoch > 0 and self.task(epoch) != self.task(epoch - 1)

    @abstractmethod
    def samples(self, task: int) -> TaskSamples:
        """Return the samples of a task, from 0: the same object for all runs of a pack."""

    @override
    def begin(self, run: Run) -> None:
        samples = self.samples(self.task(run.epoch))
        run.train, run.validation = samples.train, samples.validation

    @override
    def epoch_measures(self, run: Run, measure: Measure) -> Record:
        """Return the task, from 1; at its end also how plastic the network is."""
        record: Record = {"task": 1 + self.task(run.epoch - 1)}
        if run.epoch == run.epochs or self.changes_at(run.epoch):
            record.update(measure_plasticity(run.model, next(run.validation.pieces(PROBE))))
        return record

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return means of validation over the ends of all tasks."""
        ends = task_ends(history)
        return {
            "mean_val_loss": fmean(float(record["val_loss"]) for record in ends),
            "mean_val_acc": fmean(float(record["val_acc"]) for record in ends),
            **_over_tasks(ends),
        }


def _over_tasks(ends: Sequence[Record]) -> Record:
    """Return each measure of plasticity of the first and the last task, and its mean."""
    measures: Record = {}
    for name in NAMES:
        values = [float(record[name]) for record in ends if name in record]
        if values:
            measures |= {f"first_{name}": values[0], f"last_{name}": values[-1]}
            measures[f"mean_{name}"] = fmean(values)
    return measures


def task_ends(history: Sequence[Record]) -> list[Record]:
    """Return the last record of each task."""
    ends = [record for record, after in pairwise(history) if record["task"] != after["task"]]
    return [*ends, history[-1]]


def last_task(history: Sequence[Record]) -> list[Record]:
    """Return the records of the last task; all of them where there are no tasks."""
    return [record for record in history if record.get("task") == history[-1].get("task")]


def first_and_last_accuracy(history: Sequence[Record]) -> Record:
    """Return mean accuracies at the ends of the first and the last tenth of the tasks.

    Their difference is the plasticity that was lost, where all tasks are equally hard.
    """
    accuracies = [float(record["val_acc"]) for record in task_ends(history)]
    n = math.ceil(END_SHARE * len(accuracies))
    return {"first_tasks_acc": fmean(accuracies[:n]), "last_tasks_acc": fmean(accuracies[-n:])}
