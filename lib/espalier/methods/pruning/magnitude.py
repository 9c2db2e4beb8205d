"""Magnitude pruning: the smallest weights go.

Source: Zhu and Gupta 2017, To prune, or not to prune, arXiv 1710.01878.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class Magnitude(PruningMethod):
    """Score |w|."""

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        return Scores(_size, [(w,) for w in run.method_state.masks.weights])


def _size(weight: Tensor, out: Tensor) -> Tensor:
    return torch.abs(weight, out=out)
