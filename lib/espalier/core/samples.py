"""Samples: their shape, as the files of a data set hold them, and as a run trains on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import torch
from torch import Tensor

from espalier.core.run_length import steps_in as steps_in


@dataclass(frozen=True)
class SampleShape:
    """The shape of an image, and the number of classes."""

    channels: int
    height: int
    width: int
    classes: int

    @property
    def inputs(self) -> int:
        """The number of values in an image."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class TokenShape:
    """The shape of a window of text."""

    vocabulary: int  # characters that can occur
    context: int  # characters in a window


Shape: TypeAlias = SampleShape | TokenShape
"""The samples of a data set, and the input of a model: images or text."""


@dataclass(frozen=True)
class RawData:
    """A data set of images as its files hold it, on the CPU, before any split.

    `train_x` and `test_x` are (n, channels, height, width), uint8 in 0..255 or float32;
    `train_y` and `test_y` are (n,) int64 in 0..classes-1.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int


@dataclass(frozen=True)
class RawText:
    """A text, on the CPU, before it is cut into windows.

    `train` and `test` are (n,) int64, places in `symbols`, the characters that can occur. A window
    is `context` characters and starts `stride` after the one before. A validation loss below
    `least_loss`, in nats a character, is taken for a leak and not for a good model (0: none is).
    """

    train: Tensor
    test: Tensor
    symbols: str
    context: int
    stride: int
    least_loss: float


PIECE_VALUES = 2048 * 3072  # numbers in a piece: 2048 colour images of 32x32 pixels


@dataclass(frozen=True)
class Split:
    """Samples as they are stored; `batches` and `pieces` return them as the model sees them.

    Images are `x` (n, channels, height, width) float32 and `y` (n,) int64 on the run's device. A
    set that would not fit there is `streamed`: raw samples on the CPU. Windows of text are `x` and
    `y`, the characters that follow those of `x`, both (n, context) int64.
    """

    x: Tensor
    y: Tensor
    streamed: ClassVar[bool] = False

    def __len__(self) -> int:
        return self.y.shape[0]  # `len` of a tensor passes through Python

    @property
    def device(self) -> torch.device:
        """The device of batches and pieces."""
        return self.x.device

    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield copies of the samples in the order of `orders` (K, n), cut as `chunks` cuts them.

        x is (K * b, channels, height, width), y (K * b,); of text, both (K * b, context).
        """
        for indices in chunks(orders.to(self.device), batch_size):
            yield self.x.index_select(0, indices), self.y.index_select(0, indices)

    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every sample once and in order, as views that must not be changed.

        A piece holds at most `size` samples, fewer where samples are large (see `piece_size`).
        """
        size = piece_size(size, self.x.shape[1:])
        for start in range(0, len(self), size):
            yield self.x[start : start + size], self.y[start : start + size]


def piece_size(size: int, sample: Sequence[int]) -> int:
    """Return `size`, or fewer samples of the shape `sample`, so that memory stays within bounds."""
    return max(1, min(size, PIECE_VALUES // math.prod(sample)))


def chunks(orders: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Yield the indices of each batch, (K * b,): `batch_size` of each row of `orders` (K, samples).

    Those of the first row come first. There are `steps_in` batches; the last takes what is left.
    """
    last = steps_in(orders.shape[1], batch_size) - 1
    for step in range(last + 1):
        end = None if step == last else (step + 1) * batch_size
        yield orders[:, step * batch_size : end].reshape(-1)


class Samples(Protocol):
    """Training samples beside those of the loop, and the loss on them."""

    def batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `count` batches (b, ...) and their targets; fewer if there are fewer."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch, a scalar."""
        ...


class Augment(Protocol):
    """A random change of training images each time they are seen."""

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        ...

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return a changed copy of `x` (n, channels, height, width), or `x` if not active."""
        ...
