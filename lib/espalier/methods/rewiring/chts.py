"""Cannistraci-Hebb training, soft rule (CHTs): removal and growth are drawn, and not the extremes.

Links stay with a chance in proportion to |w|^T, where T rises over training. Then all links of
units that have lost those of one side go. As many come, drawn in proportion to a Cannistraci-Hebb
score of their local community, by products of matrices.

Source: Zhang et al. 2025, Brain network science modelling of sparse neural networks enables
Transformers and LLMs to perform as fully connected, arXiv 2501.19107, and its public code, whose T
rises linearly: from 1 to 3 in that of CHT, from 1 to 9 in the scripts of language models.
Differs: the share begins at CONFIG_SPARSE_SHARE, 0.3 by default, where those scripts have 0.1; the
code's cosine is the one that all methods share. The first links are those of CONFIG_SPARSE_START;
`receptive_field` is the paper's. Links go by |w|, not by relative importance. A layer is one graph,
attention heads too, and units of queries and keys are not looked at together. Density does not fall
over training (CHTss has no counterpart here).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    RewiringRule,
    Sparse,
    SparseTraining,
    score_at_random,
)
from espalier.methods.rewiring.topology.link_choice import grow_softly, remove_softly
from espalier.methods.rewiring.topology.link_rewiring import LinkRewiring
from espalier.methods.rewiring.topology.link_scores import NodeScore, score_by_nodes


@dataclass(frozen=True)
class DrawnLinks(LinkRewiring):
    """What stays is drawn by weight, what comes by `score`; the exponent rises with the steps."""

    score: NodeScore
    first_exponent: float
    last_exponent: float

    @override
    def remove(self, run: Run[Sparse], counts: list[int]) -> list[Tensor]:
        edges = run.method_state.edges
        exponent = self.exponent(run.step, run.total_steps)
        parts = zip(edges.weights, edges.live, counts, score_at_random(run), strict=True)
        return [remove_softly(w, live, n, exponent, keys) for w, live, n, keys in parts]

    def exponent(self, step: int, total: int) -> float:
        """Return T at the event after update `step`: linear until events end."""
        done = step / self.schedule.end(total)
        return self.first_exponent + (self.last_exponent - self.first_exponent) * done

    @override
    def grow(self, left: Tensor, count: int, keys: Tensor) -> Tensor:
        return grow_softly(score_by_nodes(left, self.score), ~left, count, keys)


@kconfig_dataclass
class SoftCannistraciHebb(SparseTraining):
    """Draw by CH2-L3n or CH3-L3n, layer by layer."""

    schedule: DropSchedule
    score: NodeScore
    first_exponent: float
    last_exponent: float

    @property
    @override
    def rewiring(self) -> RewiringRule:
        return DrawnLinks(self.schedule, self.score, self.first_exponent, self.last_exponent)
