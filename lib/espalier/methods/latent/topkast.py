"""Top-KAST: the network computes with the largest weights, and somewhat more of them are trained.

Of each layer the largest |w| are in the forward set A, and the largest |w| of a higher density in
the backward set B. The network computes with A; the weights of B are updated, and no other. Both
sets are chosen anew among all weights every so many updates. A penalty holds the weights of B that
are not in A back, so that they must prove themselves (exploration loss).

Source: Jayakumar et al. 2020, Top-KAST: Top-K Always Sparse Training, arXiv 2106.03517, section 2.
Differs: the penalty is half the square of each weight (L2), over D outside A; densities of layers
follow CONFIG_SPARSE_ALLOCATION; all layers are masked, and sets are chosen every 10 updates by
default, where the paper goes up to 100. Optimizers keep their state of weights that leave B, as if
the gradient were 0 there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.latent.latent_weights import Latent, LatentSparsity
from espalier.sparse.allocation import live_counts
from espalier.sparse.initial_edges import EdgePlan, scale_to_live_fan_in
from espalier.sparse.selection import magnitudes, select_smallest


@kconfig_dataclass
class TopKast(LatentSparsity):
    """A has the density D of the `plan`, B has D + `more`, at most all weights; see the file.

    `memory` has B: bool, in the weights' shapes. Sets are chosen every `every` updates. `penalty`
    is the factor of the exploration loss, 0 or more.
    """

    plan: EdgePlan
    more: float
    every: int
    penalty: float

    @property
    @override
    def target(self) -> float:
        return 1 - self.plan.density

    @override
    def attach(self, run: Run[Latent]) -> None:
        if self.plan.density == 1:
            raise CannotTrain(
                "nothing_to_mask",
                "CONFIG_SPARSE_DENSITY=1 leaves no weight to mask: lower it",
            )
        super().attach(run)
        state = run.method_state
        forward, state.memory = self._choose(state)
        state.masks.trained = state.memory
        if self.plan.init == "live":
            scale_to_live_fan_in(state, forward)
        state.hide(forward)

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Latent]) -> None:
        """Leave gradients to B alone, and add that of the exploration loss."""
        state = run.method_state
        parts = zip(state.weights, state.dense, state.live, state.memory, strict=True)
        for weight, dense, live, backward in parts:
            if weight.grad is not None:
                pull = torch.where(live, self.penalty, self.penalty / self.plan.density)
                weight.grad.add_(pull * dense).masked_fill_(~backward, 0.0)
        super().after_backward(run)

    @override
    @torch.no_grad()
    def after_step(self, run: Run[Latent]) -> None:
        state = run.method_state
        for weight, before, backward in zip(state.weights, state.dense, state.memory, strict=True):
            weight.copy_(torch.where(backward, weight, before))
        live = state.live
        if run.step % self.every == 0:
            live, chosen = self._choose(state)
            for old, new in zip(state.memory, chosen, strict=True):
                old.copy_(new)
        state.hide(live)

    def _choose(self, state: Latent) -> tuple[list[Tensor], list[Tensor]]:
        """Return A and B, of the dense weights in the parameters: bool, in their shapes."""
        shapes = [weight.shape for weight in state.weights]
        forward = self.plan.counts(state.masks.names, shapes)
        density = min(1.0, self.plan.density + self.more)
        backward = live_counts(self.plan.allocation, shapes, density)
        pairs = list(zip(state.weights, forward, backward, strict=True))
        return (
            [largest(weight, count) for weight, count, _ in pairs],
            [largest(weight, max(count, more)) for weight, count, more in pairs],
        )


def largest(weight: Tensor, count: int) -> Tensor:
    """Return the `count` largest |w|, the first of equal ones: bool, in the weight's shape."""
    return select_smallest(-magnitudes(weight), count)
