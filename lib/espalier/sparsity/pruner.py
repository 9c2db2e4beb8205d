"""Schedule, scores, allocation, threshold and masks at work on one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from espalier.sparsity.allocation import Allocation, segments
from espalier.sparsity.masks import MaskSet
from espalier.sparsity.schedule import Schedule
from espalier.sparsity.scores import Scores
from espalier.sparsity.threshold import smallest


class Pruner:
    """Prunes `weights` by `schedule`.

    With `permanent`, a pruned weight ranks below every other, and so stays pruned. (Rounding to
    whole weights per layer may give a layer one weight back; it then starts from 0.) Without, it
    is ranked by its score like any weight, and may come back from 0.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        schedule: Schedule,
        allocation: Allocation,
        permanent: bool = True,
    ) -> None:
        self.masks = MaskSet(weights)
        self.schedule = schedule
        self.allocation = allocation
        self.permanent = permanent

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
        flat = torch.empty(self.masks.size, device=self.masks.weights[0].device)
        scores.fill(flat)
        if self.permanent and self.masks.pruned:
            flat.masked_fill_(self.masks.pruned_mask(), -torch.inf)
        shapes = [w.shape for w in self.masks.weights]
        parts = segments(self.allocation, shapes, sparsity)
        return torch.cat([smallest(flat[a:b], k) for a, b, k in parts])

    def measures(self) -> dict[str, Any]:
        """Sparsity of the prunable weights as it is and as it is meant to become."""
        return {"sparsity": self.masks.sparsity, "target_sparsity": self.schedule.target}

    def state_dict(self) -> dict[str, Any]:
        """The masks; empty before the first pruning."""
        return {"pruned": self.masks.pruned_mask()} if self.masks.pruned else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`, for weights and optimizer state restored with it."""
        if state:
            self.masks.restore(state["pruned"])
