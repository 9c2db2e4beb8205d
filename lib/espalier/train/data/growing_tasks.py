"""Classes that accumulate: each task has those of the tasks before it, and some more.

Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", Nature 632
(class-incremental CIFAR-100: five classes at first, five more at a time).
Differs: all tasks have as many updates and training samples, those of fewer classes coming more
than once, so that a schedule in updates means the same in each. The best network of a task is not
kept for the next.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain
from espalier.core.samples import SampleShape, Split
from espalier.train.data.chosen_samples import choose
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.splits import PreparedSplits, prepare_splits
from espalier.train.data.task_orders import permutation
from espalier.train.engine.task_sequence import TaskSamples


@dataclass(frozen=True)
class GrowingTasks(DrawnTasks):
    """Tasks of `classes`, then twice as many and so on, in an order that the seed draws.

    Validation and test are of all classes seen so far. When all are there they stay.
    """

    classes: int

    def check(self) -> None:
        """Raise CannotTrain unless there are more classes than the first task has."""
        total = len(self._order())
        if self.classes >= total:
            raise CannotTrain(
                "shift",
                f"CONFIG_SHIFT_CLASSES_OF_TASK={self.classes}: must be below the {total} classes "
                "of the data set, or no class is left to come",
            )

    def members(self, task: int) -> list[int]:
        """Return the classes of a task, from 0."""
        return self._order()[: self.classes * (task + 1)]

    @override
    def of_task(self, split: Split, task: int) -> Split:
        return choose(split, self._places(split, task))

    @override
    def samples(self, task: int) -> TaskSamples:
        return _samples_so_far(self, task, prepare_splits(self.request))

    def train_places(self, split: Split, task: int) -> Tensor:
        """Return as many training samples as there are of all classes, (n,): some come again."""
        places, total = self._places(split, task), len(split)
        return places.repeat(-(-total // len(places)))[:total]

    def _order(self) -> list[int]:
        shape = prepare_splits(self.request).shape
        assert isinstance(shape, SampleShape)
        order: list[int] = permutation(shape.classes, self.seed, 0).tolist()
        return order

    def _places(self, split: Split, task: int) -> Tensor:
        members = torch.tensor(self.members(task), device=split.y.device)
        return torch.isin(split.y, members).nonzero().flatten()


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _samples_so_far(tasks: GrowingTasks, task: int, data: PreparedSplits) -> TaskSamples:
    train = choose(data.train, tasks.train_places(data.train, task))
    return TaskSamples(train, tasks.of_task(data.validation, task))
