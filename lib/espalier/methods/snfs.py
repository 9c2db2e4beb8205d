"""Sparse networks from scratch (SNFS): edges come where a running average of the gradient is large.

And layers whose live edges have the larger averages get more of them.

Source: Dettmers and Zettlemoyer 2019, Sparse Networks from Scratch: Faster Training without Losing
Performance, arXiv 1907.04840.
Differs: the average is the method's own, whatever the optimizer has; what a layer loses follows
the cosine that all methods share.
"""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.contracts import Run
from espalier.growth import scoring
from espalier.growth.method import Rewiring, missing
from espalier.kconfig.options import kconfig_dataclass
from espalier.sparse.allocation import apportion


@kconfig_dataclass
class SparseMomentum(Rewiring):
    """`memory` has the running average of the gradient of every edge, there or not.

    Memory: one value a weight.
    """

    momentum: float

    def attach(self, run: Run) -> None:  # noqa: D102
        super().attach(run)
        weights = run.method_state.edges.weights
        run.method_state.memory = [torch.zeros_like(w, requires_grad=False) for w in weights]

    @torch.no_grad()
    def after_backward(self, run: Run) -> None:
        """Gradients must be unscaled and not yet clipped."""
        state = run.method_state
        pairs = zip(state.memory, state.edges.weights, strict=True)
        known = [(m, _finite(w.grad)) for m, w in pairs if w.grad is not None]
        if known:
            torch._foreach_lerp_([m for m, _ in known], [g for _, g in known], 1 - self.momentum)
        super().after_backward(run)

    def counts(self, run: Run, gone: list[Tensor]) -> list[int]:
        """In proportion to the mean size of the averages of live edges."""
        state = run.method_state
        sizes = zip(state.memory, state.edges.live, strict=True)
        means = [float(average[live].abs().mean()) for average, live in sizes]
        return apportion(sum(super().counts(run, gone)), means, missing(state.edges))

    def scores(self, run: Run) -> list[Tensor]:  # noqa: D102
        return scoring.momentum(run.method_state.memory)


def _finite(gradient: Tensor) -> Tensor:
    """Without infinities, of steps that loss scaling will skip: one would stay for ever."""
    return gradient.nan_to_num(0.0, 0.0, 0.0)
