"""Cannistraci-Hebb training (CHT): grow the links that the paths beside them make likely.

The smallest |w| of each layer go, then all links of units that have lost those of one side. As many
come where CH3-L3p is highest: no gradient is looked at. Links without a path come last, at random.

Source: Zhang et al. 2024, Epitopological learning and Cannistraci-Hebb network shape intelligence:
brain-inspired theory for ultra-sparse advantage in deep learning, and its public code.
Differs: the share that goes falls as the cosine that all methods share, where the paper has 0.3 to
the end and stops layers early. Links of equal scores are drawn. The first links are those of
CONFIG_SPARSE_START; `correlated` is the paper's, as is CONFIG_SPARSE_INIT=live for the first
weights, which are normal there. Links go by |w|, not by relative importance, and the smallest of
either sign together, where the code takes a share of positive and of negative ones each. All layers
are sparse, convolutions too, in which each number of a kernel is an input.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import RewiringRule, Sparse, SparseTraining
from espalier.methods.rewiring.topology.link_choice import grow_highest, remove_smallest
from espalier.methods.rewiring.topology.link_rewiring import LinkRewiring
from espalier.methods.rewiring.topology.link_scores import score_by_paths


@dataclass(frozen=True)
class TopLinks(LinkRewiring):
    """The smallest weights go, the highest scores come."""

    @override
    def remove(self, run: Run[Sparse], counts: list[int]) -> list[Tensor]:
        edges = run.method_state.edges
        parts = zip(edges.weights, edges.live, counts, strict=True)
        return [remove_smallest(*part) for part in parts]

    @override
    def grow(self, left: Tensor, count: int, keys: Tensor) -> Tensor:
        return grow_highest(score_by_paths(left), ~left, count, keys)


@kconfig_dataclass
class CannistraciHebb(SparseTraining):
    """Grow by CH3-L3p, layer by layer."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> RewiringRule:
        return TopLinks(self.schedule)
