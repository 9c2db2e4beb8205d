"""Schedule, scores, allocation, threshold and masks at work on one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from espalier.sparse.allocation import Allocation, segments
from espalier.sparse.mask import MaskSet
from espalier.sparse.schedule import Schedule
from espalier.sparse.scores import Scores
from espalier.sparse.threshold import mark_smallest


class Pruner:
    """Prunes `weights` by `schedule`.

    All weights are ranked anew each time, pruned ones first among equals. By scores that are never
    negative and 0 for a weight of 0 a pruned weight so stays pruned (but for rounding to whole
    weights per layer, which may give a layer one back); by others it may come back, from 0.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        schedule: Schedule,
        allocation: Allocation,
    ) -> None:
        self.masks = MaskSet(weights)
        self.schedule = schedule
        self.allocation = allocation
        self.memory: list[Tensor] = []  # of a method's scores: a tensor a weight, if any
        self._scores: Tensor | None = None  # (weights in a row,), kept: allocating it is slow

    def before_step(self) -> None:
        """Gradients are there: pruned weights lose theirs."""
        self.masks.mask_gradients()

    @torch.no_grad()
    def after_step(
        self, step: int, optimizer: torch.optim.Optimizer, scores: Callable[[], Scores]
    ) -> None:
        """Update number `step` is done: prune if it is time, by the scores as they are now."""
        if self.schedule.is_update(step):
            self.masks.set(self.choose(self.schedule.sparsity(step), scores()), optimizer)

    def choose(self, sparsity: float, scores: Scores) -> Tensor:
        """(weights in a row,) bool: what to prune to reach `sparsity`."""
        if self._scores is None:
            self._scores = torch.empty(self.masks.size, device=self.masks.weights[0].device)
        scores.fill(self._scores)
        shapes = [w.shape for w in self.masks.weights]
        parts = segments(self.allocation, shapes, sparsity)
        old, new = self.masks.mask, self.masks.spare()
        for a, b, k in parts:
            mark_smallest(self._scores[a:b], k, new[a:b], None if old is None else old[a:b])
        return new

    def measures(self) -> dict[str, Any]:
        """Sparsity of the prunable weights as it is and as it is meant to become."""
        return {"sparsity": self.masks.sparsity, "target_sparsity": self.schedule.target}

    def state_dict(self) -> dict[str, Any]:
        """The masks; empty before the first pruning."""
        return {} if self.masks.mask is None else {"mask": self.masks.mask.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`, for weights and optimizer state restored with it."""
        if state:
            self.masks.restore(state["mask"].clone())
