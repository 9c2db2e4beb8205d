"""Statistics of single pixels over all training samples: how well each separates the classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.core.samples import Split
from espalier.train.engine.evaluation import EVALUATION_BATCH

SURE = 1e12
"""The F of a pixel that is the same within both groups and another between them."""


@dataclass(frozen=True)
class ClassSums:
    """Samples of each class (classes, 1), sums of pixels and of their squares (classes, inputs)."""

    counts: Tensor
    sums: Tensor
    squares: Tensor

    @classmethod
    def of(cls, split: Split, classes: int) -> ClassSums:
        """Sum over a whole split, in float64, piece by piece."""
        parts = [_sum_piece(x, y, classes) for x, y in split.pieces(EVALUATION_BATCH)]
        counts, sums, squares = (torch.stack(each).sum(0) for each in zip(*parts, strict=True))
        return cls(counts, sums, squares)


def _sum_piece(x: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    rows = x.flatten(1).double()
    own = F.one_hot(y, classes).double().t()  # (classes, n)
    return own.sum(1, keepdim=True), own @ rows, own @ rows.square()


def pixel_deviations(split: Split) -> Tensor:
    """Return the standard deviation of each pixel, exactly 0 if it never changes: (inputs,)."""
    return _within(ClassSums.of(split, int(split.y.max()) + 1), whole=True).sqrt().float()[0]


def fisher_scores(split: Split, classes: int) -> Tensor:
    """Return Fisher's F of each pixel for each class against all others: (classes, inputs) float32.

    From 0 to `SURE`. 0 for a pixel that never changes, and for a class without samples.
    """
    sums = ClassSums.of(split, classes)
    n, m = sums.counts, sums.counts.sum() - sums.counts
    rest = ClassSums(m, sums.sums.sum(0) - sums.sums, sums.squares.sum(0) - sums.squares)
    between = (sums.sums / n - rest.sums / m).square() * n * m / (n + m)
    within = (n * _within(sums) + m * _within(rest)) / (n + m - 2)
    scores = torch.where(_within(sums, whole=True) > 0, between / within, 0.0)
    return scores.nan_to_num(0.0, SURE).clamp_max(SURE).float()


def _within(sums: ClassSums, whole: bool = False) -> Tensor:
    """Return variances of pixels in each class (classes, inputs), or in all together (1, inputs).

    Rounded to 0 where they are no more than what rounding makes of a constant.
    """
    n, total, squares = sums.counts, sums.sums, sums.squares
    if whole:
        n, total, squares = n.sum(), total.sum(0, keepdim=True), squares.sum(0, keepdim=True)
    mean = squares / n
    variance = mean - (total / n).square()
    return torch.where(variance > 1e-9 * mean, variance, 0.0)
