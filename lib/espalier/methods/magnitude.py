"""Magnitude pruning: the smallest weights go.

Source: Zhu and Gupta 2017, To prune, or not to prune, arXiv 1710.01878.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.contracts import Run
from espalier.sparse.method import PruningMethod
from espalier.sparse.scores import Scores


@dataclass(frozen=True)
class Magnitude(PruningMethod):
    """Score |w|."""

    def scores(self, run: Run) -> Scores:  # noqa: D102
        return Scores(_size, [(w,) for w in run.method_state.masks.weights])


def _size(weight: Tensor, out: Tensor) -> Tensor:
    return torch.abs(weight, out=out)
