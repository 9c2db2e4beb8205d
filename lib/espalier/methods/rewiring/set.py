"""Sparse evolutionary training (SET): the smallest weights go, random edges come.

Source: Mocanu et al. 2018, Scalable training of artificial neural networks with adaptive sparse
connectivity inspired by network science, Nature Communications 9.
Differs: new weights are 0 instead of random, and fewer are replaced as training goes on, so that
methods differ in where edges grow only; smallest is by |w|, not of each sign by itself.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.rewiring_options import EdgeTurnover
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    SparseTraining,
    count_as_lost,
    drop_smallest,
    score_at_random,
)


@kconfig_dataclass
class SparseEvolution(SparseTraining):
    """Random growth, layer by layer."""

    turnover: EdgeTurnover

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(self.turnover, score_at_random, drop_smallest, count_as_lost)
