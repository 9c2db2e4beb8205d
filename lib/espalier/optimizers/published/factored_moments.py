"""Adafactor's arithmetic on stacks of weights: second moments as factors of rows and columns.

Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv
1804.04235, algorithms 4 and 5.
Differs: a weight of more than two dimensions is a matrix of a row an output, which the paper does
not say; means stand for its sums, of which it makes the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

ROW, COLUMN, WHOLE = "row_var", "col_var", "variance"
FLOOR = 1e-30
"""The paper's first epsilon. It adds it to each squared gradient; as the weights of a mean sum to
1, that is the same as to add it to the means, which so are 0 where gradients are."""

Factors = Mapping[str, Tensor]
"""The second moment of a stack of weights (K, ...): of rows and of columns, or whole."""


def factor_shapes(shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the state of a weight of `shape`: of a vector it is whole."""
    if len(shape) < 2:
        return {WHOLE: tuple(shape)}
    return {ROW: (shape[0], *[1] * (len(shape) - 1)), COLUMN: (1, *shape[1:])}


def track(factors: Factors, grads: Tensor, fresh: Tensor | float) -> None:
    """Let `fresh` of the squares of gradients (K, ...) into the factors, in place."""
    squares = grads.square()
    if WHOLE in factors:
        factors[WHOLE].lerp_(squares, fresh)
        return
    factors[ROW].lerp_(squares.mean(tuple(range(2, squares.ndim)), keepdim=True), fresh)
    factors[COLUMN].lerp_(squares.mean(1, keepdim=True), fresh)


def second_moment(factors: Factors) -> Tensor:
    """Return the second moment that the factors stand for, (K, ...)."""
    if WHOLE in factors:
        return factors[WHOLE]
    return _relative(factors[ROW]) * (factors[COLUMN] + FLOOR)


def normalize(factors: Factors, grads: Tensor, limit: Tensor | float) -> Tensor:
    """Return gradients (K, ...) over the roots of their second moments, of RMS `limit` at most.

    Exactly 0 where the gradient is.
    """
    if WHOLE in factors:
        steps = grads * (factors[WHOLE] + FLOOR).rsqrt()
    else:  # by one factor after the other: their product may be too small for a number
        steps = grads * _relative(factors[ROW]).rsqrt() * (factors[COLUMN] + FLOOR).rsqrt()
    return steps / (root_mean_square(steps) / limit).clamp_min(1.0)


def root_mean_square(stack: Tensor) -> Tensor:
    """Return the root mean square of each part of a stack (K, ...), (K, 1, ...)."""
    rows = stack.reshape(len(stack), -1)
    return rows.square().mean(1).sqrt().view(-1, *[1] * (stack.ndim - 1))


def _relative(rows: Tensor) -> Tensor:
    rows = rows + FLOOR
    return (rows / rows.mean(1, keepdim=True)).clamp_min(torch.finfo(rows.dtype).tiny)
