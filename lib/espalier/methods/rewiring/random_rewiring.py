"""Rewiring at random: what is dropped is drawn, and so is what grows.

The control of every rule that rewires: as many edges change at the same steps, and nothing is
looked at. SET beside it shows what the choice of the edges that go is worth.

Source: random pruning as the control of a criterion, as in Gale, Elsen and Hooker 2019, The State
of Sparsity in Deep Neural Networks, arXiv 1902.09574, with the random growth of Mocanu et al. 2018.
Differs: one edge of each unit, drawn too, stays, as in the methods that it is the control of.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    SparseTraining,
    drop_at_random,
    score_at_random,
)


@kconfig_dataclass
class RandomRewiring(SparseTraining):
    """Drop and grow at random, layer by layer."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule, drop_criterion=drop_at_random, grow_criterion=score_at_random
        )
