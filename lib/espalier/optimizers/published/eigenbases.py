"""SOAP's eigenbases: how a matrix is turned into them, and how they follow what they are of.

Source: Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321,
algorithms 3 and 4; the order of the eigenvectors, and the first basis, are as in its repository.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import torch
from torch import Tensor

LEFT, RIGHT = "left", "right"
"""Running means of G G^T and G^T G."""
LEFT_BASIS, RIGHT_BASIS = "left_basis", "right_basis"
"""Their eigenvectors, as columns. A side that is too large has neither."""
SIDES = ((LEFT, LEFT_BASIS), (RIGHT, RIGHT_BASIS))
ROTATED = "rotated_sq"
"""The second moment of the rotated gradient, (rows, columns)."""

State = MutableMapping[str, Any]


def begin_bases(state: State, gradient: Tensor, fresh: float, largest: int) -> None:
    """Begin from a first gradient (rows, columns); sides above `largest` are not turned."""
    squares = (gradient @ gradient.T, gradient.T @ gradient)
    for (mean, basis), square in zip(SIDES, squares, strict=True):
        if len(square) <= largest:
            state[mean] = square * fresh
            state[basis] = _eigenvectors(state[mean])
    state[ROTATED] = torch.zeros_like(gradient)


def follow_gradient(state: State, gradient: Tensor, fresh: float) -> None:
    """Let `fresh` of a gradient's products into the means, in place."""
    squares = (gradient @ gradient.T, gradient.T @ gradient)
    for (mean, _), square in zip(SIDES, squares, strict=True):
        if mean in state:
            state[mean].lerp_(square, fresh)


def refresh_bases(state: State) -> None:
    """Bring the bases nearer to the eigenvectors: one power iteration and QR, all in place.

    They are sorted by their eigenvalues, the largest first, and the second moment with them.
    """
    for dim, (mean, basis) in enumerate(SIDES):
        if mean in state:
            moved = state[mean] @ state[basis]
            order = (state[basis] * moved).sum(0).argsort(descending=True)
            state[ROTATED].copy_(state[ROTATED].index_select(dim, order))
            state[basis].copy_(torch.linalg.qr(moved[:, order]).Q)


def rotate(state: State, matrix: Tensor) -> Tensor:
    """Return a matrix (rows, columns) in the eigenbases."""
    matrix = state[LEFT_BASIS].T @ matrix if LEFT in state else matrix
    return matrix @ state[RIGHT_BASIS] if RIGHT in state else matrix


def rotate_back(state: State, matrix: Tensor, power: int = 1) -> Tensor:
    """Return a matrix of the eigenbases in the weights' own; `power` 2 is for variances.

    Where the rotated elements vary by themselves, as in these bases they nearly do, a weight's
    variance is the sum of theirs by the squares of the bases.
    """
    matrix = state[LEFT_BASIS] ** power @ matrix if LEFT in state else matrix
    return matrix @ (state[RIGHT_BASIS] ** power).T if RIGHT in state else matrix


def _eigenvectors(matrix: Tensor) -> Tensor:
    """Return the eigenvectors of a symmetric matrix as columns, of the largest value first."""
    if not bool(matrix.isfinite().all()):  # a run that has diverged: what follows is NaN anyway
        return torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    vectors: Tensor = torch.linalg.eigh(matrix).eigenvectors.flip(1).contiguous()
    return vectors
