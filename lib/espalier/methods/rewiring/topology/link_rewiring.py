"""Rewiring by link prediction: removal by weight, then inactive units, then growth by score."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.methods.rewiring.sparse_training import (
    RewiringRule,
    Sparse,
    score_at_random,
)
from espalier.methods.rewiring.topology.inactive_units import remove_inactive


@dataclass(frozen=True)
class LinkRewiring(RewiringRule):
    """A rule that grows in each layer as many links as it has lost; one may come back at once."""

    @override
    def choose(self, run: Run[Sparse]) -> tuple[list[Tensor], list[Tensor]]:
        edges = run.method_state.edges
        counts = [self.schedule.drop_count(n, run.step, run.total_steps) for n in edges.counts]
        removed = self.remove(run, counts)
        left = [live & ~gone for live, gone in zip(edges.live, removed, strict=True)]
        left = remove_inactive(run.model, edges, left)
        lost = [n - int(kept.sum()) for n, kept in zip(edges.counts, left, strict=True)]
        parts = zip(edges.by_unit(left), lost, edges.by_unit(score_at_random(run)), strict=True)
        grown = [self._grow(*part) for part in parts]
        dropped = [live & ~kept for live, kept in zip(edges.live, left, strict=True)]
        return dropped, edges.as_stored(grown)

    def _grow(self, left: Tensor, count: int, keys: Tensor) -> Tensor:
        """Return the links that a layer (units, inputs, ...) grows, as bool in its shape."""
        rows = left.flatten(1)
        return self.grow(rows, count, keys.view_as(rows)).view_as(left)

    @abstractmethod
    def remove(self, run: Run[Sparse], counts: list[int]) -> list[Tensor]:
        """Return which links go, `counts` of each layer, bool in the weights' shapes."""

    @abstractmethod
    def grow(self, left: Tensor, count: int, keys: Tensor) -> Tensor:
        """Return `count` missing links of `left` (units, inputs) bool; `keys` are uniform."""
