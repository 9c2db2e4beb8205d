"""Tasks that differ by a permutation of pixels, characters or labels.

Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning" (online permuted MNIST).
Differs: of text the characters are permuted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.samples import SampleShape, Shape, Split
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.splits import prepare_splits
from espalier.train.data.task_orders import task_order


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
