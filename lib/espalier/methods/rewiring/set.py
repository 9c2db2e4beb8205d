"""Sparse evolutionary training (SET): drop the smallest magnitudes, grow at random.

Source: Mocanu et al. 2018, Scalable training of artificial neural networks with adaptive sparse
connectivity inspired by network science, Nature Communications 9.
Differs: new weights are 0 instead of random, and fewer are replaced as training goes on, so that
methods differ in where edges grow only; smallest is by |w|, not of each sign by itself.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    SparseTraining,
    drop_smallest_magnitudes,
    score_at_random,
)


@kconfig_dataclass
class SparseEvolution(SparseTraining):
    """Grow at random, layer by layer."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule,
            drop_criterion=drop_smallest_magnitudes,
            grow_criterion=score_at_random,
        )
