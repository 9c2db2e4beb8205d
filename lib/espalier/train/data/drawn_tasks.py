"""Tasks that a seed draws from the samples of one data set."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from espalier.core.samples import Split
from espalier.core.trial import Record
from espalier.train.data.splits import PreparedSplits, SplitRequest, prepare_splits
from espalier.train.engine.task_sequence import (
    PeriodicTasks,
    TaskSamples,
    first_and_last_accuracy,
)


@dataclass(frozen=True)
class DrawnTasks(PeriodicTasks, ABC):
    """Tasks that a seed draws, each from all samples of one data set."""

    request: SplitRequest
    seed: int
    share: float  # of what changes from one task to the next, in (0, 1]

    @abstractmethod
    def of_task(self, split: Split, task: int) -> Split:
        """Return the samples of a task, from 0, that come of those of `split`."""

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_drawn(self, task, prepare_splits(self.request))

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return means over all tasks, and over the first and the last of them."""
        return {**super().measures(history), **first_and_last_accuracy(history)}


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _samples_drawn(tasks: DrawnTasks, task: int, data: PreparedSplits) -> TaskSamples:
    return TaskSamples(tasks.of_task(data.train, task), tasks.of_task(data.validation, task))
