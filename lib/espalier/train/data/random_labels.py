"""Random labels: in each task the training samples have labels that chance gave them.

Nothing can be learnt but by heart, task after task, so that the accuracy on the training samples
says how plastic a network is.
Source: Lyle et al. 2023, "Understanding plasticity in neural networks", arXiv 2303.01486, section
3; Kumar et al. 2023, arXiv 2308.11958, section 5 (random label MNIST).
Differs: with a share below 1 so many samples draw a label anew from task to task, and the rest
keep theirs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.samples import SampleShape, Split
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.splits import PreparedSplits, prepare_splits
from espalier.train.data.task_orders import permutation
from espalier.train.engine import seeds
from espalier.train.engine.task_sequence import TaskSamples


@dataclass(frozen=True)
class RandomLabelTasks(DrawnTasks):
    """Tasks of the same images, each with labels of its own from the first on.

    Validation is of the training samples: there is nothing to be right about elsewhere. Labels of
    the test are drawn too, so that its accuracy is that of chance.
    """

    @override
    def of_task(self, split: Split, task: int) -> Split:
        shape = prepare_splits(self.request).shape
        assert isinstance(shape, SampleShape)
        labels = random_labels(len(split), shape.classes, self.seed, task, self.share)
        return replace(split, y=labels.to(split.y.device))

    @override
    def samples(self, task: int) -> TaskSamples:
        return _relabelled(self, task, prepare_splits(self.request))


@functools.lru_cache(maxsize=1)  # the task that the runs of a pack are at
def _relabelled(tasks: RandomLabelTasks, task: int, data: PreparedSplits) -> TaskSamples:
    train = tasks.of_task(data.train, task)
    return TaskSamples(train, train)


def random_labels(samples: int, classes: int, seed: int, task: int, share: float) -> Tensor:
    """Return the labels of a task, from 0: (samples,) int64.

    With `share` 1 a task has labels of its own. Else a share of the samples, at least one, draws
    anew before each task but the first.
    """
    if share == 1:
        return _drawn(samples, classes, seed, task)
    labels, count = _drawn(samples, classes, seed, 0), max(1, round(share * samples))
    for each in range(1, task + 1):
        moving = permutation(samples, seed, each)[:count]
        labels[moving] = _drawn(samples, classes, seed, each)[moving]
    return labels


def _drawn(samples: int, classes: int, seed: int, task: int) -> Tensor:
    generator = torch.Generator().manual_seed(seeds.derive_seed(seed, f"labels {task}"))
    return torch.randint(classes, (samples,), generator=generator)
