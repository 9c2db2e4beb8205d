"""A pruner: schedule, scores, allocation, threshold and masks of one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from espalier.sparse.allocation import Allocation, segments
from espalier.sparse.mask import MaskSet
from espalier.sparse.schedule import SparsitySchedule
from espalier.sparse.scores import Scores
from espalier.sparse.threshold import mark_smallest


class Pruner:
    """A pruner of `weights` by a `schedule`.

    All weights are ranked anew each time, pruned ones first among equals. By scores that are never
    negative and 0 for a weight of 0 a pruned weight so stays pruned (but for rounding to whole
    weights per layer, which may give a layer one back); by others it may come back, from 0.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        schedule: SparsitySchedule,
        allocation: Allocation,
    ) -> None:
        self.masks = MaskSet(weights)
        self.schedule = schedule
        self.allocation = allocation
        self.memory: list[Tensor] = []  # a tensor a weight, for methods whose scores need it
        self.criterion_updates = 0.0  # what finding the scores took, beside training
        self.kept: dict[str, Any] = {}  # an earlier point of the run, for one that goes back
        self._scores: Tensor | None = None  # (weights in a row,), kept: allocating it is slow

    def before_step(self) -> None:
        """Zero the gradients of pruned weights, after the backward pass."""
        self.masks.mask_gradients()

    def after_step(
        self, step: int, optimizer: torch.optim.Optimizer, scores: Callable[[], Scores]
    ) -> None:
        """Prune by `scores` if masks change after update `step`."""
        if self.schedule.is_update(step):
            with torch.no_grad():
                self.masks.set(self.choose(self.schedule.sparsity(step), scores()), optimizer)

    def choose(self, sparsity: float, scores: Scores) -> Tensor:
        """Return the weights to prune to reach `sparsity`: (weights in a row,) bool."""
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
        """Return the sparsity of the prunable weights, and its target."""
        return {"sparsity": self.masks.sparsity, "target_sparsity": self.schedule.target}

    def state_dict(self) -> dict[str, Any]:
        """Return the masks; empty before the first pruning."""
        return {} if self.masks.mask is None else {"mask": self.masks.mask.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the masks, for weights and optimizer state restored with them."""
        if state:
            self.masks.restore(state["mask"].clone())
