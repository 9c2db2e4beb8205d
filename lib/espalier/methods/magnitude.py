"""Magnitude pruning: the smallest weights go.

Source: Zhu and Gupta 2017, To prune, or not to prune, arXiv 1710.01878.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.contracts import Run
from espalier.sparsity.method import PruningMethod
from espalier.sparsity.pruner import Pruner
from espalier.sparsity.scores import Scores


@dataclass(frozen=True)
class Magnitude(PruningMethod):
    """Score |w|."""

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        return Scores(_size, [(w,) for w in run.method_state.masks.weights])


def _size(weight: Tensor, out: Tensor) -> Tensor:
    return torch.abs(weight, out=out)
