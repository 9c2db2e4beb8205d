"""Classes that accumulate: each task has those of the tasks before it, and some more.

Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", Nature 632
(class-incremental CIFAR-100: five classes at first, five more at a time).
Differs: all tasks have as many updates and training samples, those of fewer classes coming more
than once, so that a schedule in updates means the same in each. The best network of a task is not
kept for the next.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from espalier.core.samples import Split
from espalier.train.data.class_tasks import ClassSequence


@dataclass(frozen=True)
class GrowingTasks(ClassSequence):
    """Tasks of `classes`, then twice as many and so on, in an order that the seed draws.

    Validation and test are of all classes seen so far. When all are there they stay.
    """

    @override
    def members(self, task: int) -> list[int]:
        return self.order()[: self.classes * (task + 1)]

    @override
    def train_places(self, split: Split, task: int) -> Tensor:
        """Return as many training samples as there are of all classes, (n,): some come again."""
        places, total = self.places(split, task), len(split)
        return places.repeat(-(-total // len(places)))[:total]
