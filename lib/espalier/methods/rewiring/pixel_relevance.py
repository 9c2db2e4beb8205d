"""What single pixels say about classes, over all training samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.core.contracts import Split
from espalier.train.engine.evaluation import EVALUATION_BATCH

SURE = 1e12
"""The F of a pixel that is the same within both groups and another between them."""


@dataclass(frozen=True)
class ClassSums:
    """Of each class: samples (classes, 1), sums of pixels and of squares (classes, inputs)."""

    counts: Tensor
    sums: Tensor
    squares: Tensor

    @classmethod
    def of(cls, split: Split, classes: int) -> ClassSums:
        """Over a whole split, in float64; read piece by piece."""
        parts = [_of_piece(x, y, classes) for x, y in split.pieces(EVALUATION_BATCH)]
        counts, sums, squares = (torch.stack(each).sum(0) for each in zip(*parts, strict=True))
        return cls(counts, sums, squares)


def _of_piece(x: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    rows = x.flatten(1).double()
    own = F.one_hot(y, classes).double().t()  # (classes, n)
    return own.sum(1, keepdim=True), own @ rows, own @ rows.square()


def deviations(split: Split) -> Tensor:
    """(inputs,) float32: the standard deviation of each pixel; exactly 0 if it never changes."""
    return _within(ClassSums.of(split, int(split.y.max()) + 1), whole=True).sqrt().float()[0]


def contrasts(split: Split, classes: int) -> Tensor:
    """(classes, inputs) float32: how well each pixel tells a class from all others, 0 or more.

    Fisher's F of two groups, at most `SURE`. 0 of a pixel that never changes, and of a class
    without samples.
    """
    sums = ClassSums.of(split, classes)
    n, m = sums.counts, sums.counts.sum() - sums.counts
    rest = ClassSums(m, sums.sums.sum(0) - sums.sums, sums.squares.sum(0) - sums.squares)
    between = (sums.sums / n - rest.sums / m).square() * n * m / (n + m)
    within = (n * _within(sums) + m * _within(rest)) / (n + m - 2)
    found = between / within
    found = torch.where(_within(sums, whole=True) > 0, found, 0.0)
    return found.nan_to_num(0.0, SURE).clamp_max(SURE).float()


def _within(sums: ClassSums, whole: bool = False) -> Tensor:
    """Variances of pixels in each class, or in all together (1, inputs).

    Rounded to 0 where they are no more than what rounding makes of a constant.
    """
    n, total, squares = sums.counts, sums.sums, sums.squares
    if whole:
        n, total, squares = n.sum(), total.sum(0, keepdim=True), squares.sum(0, keepdim=True)
    mean = squares / n
    variance = mean - (total / n).square()
    return torch.where(variance > 1e-9 * mean, variance, 0.0)
