"""Soft threshold weight reparameterization (STR): each layer learns what is too small to count.

The network computes with sign(w) * max(|w| - g, 0), where g is the logistic function of a number s
of the layer's own. The gradient goes to the weights above the threshold, and through g to s, which
decays towards 0 beside that. So thresholds rise until the loss holds them back. How sparse the
network becomes follows from that, and is no target.

Source: Kusupati et al. 2020, Soft Threshold Weight Reparameterization for Learnable Sparsity, arXiv
2002.03231, section 3.
Differs: s is trained by gradient descent at a multiple of the learning rate, whatever trains the
weights, and has a decay of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.latent.latent_weights import Latent, LatentSparsity


@kconfig_dataclass
class SoftThreshold(LatentSparsity):
    """`memory` has s of each layer, (), which begins at `init`.

    It trains at `rate` times the learning rate, with `decay` times itself in its gradient.
    """

    init: float
    rate: float
    decay: float

    @override
    def attach(self, run: Run[Latent]) -> None:
        super().attach(run)
        state = run.method_state
        state.memory = [weight.detach().new_tensor(self.init) for weight in state.weights]
        _shrink(state)

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Latent]) -> None:
        """Update every s; leave gradients to the weights above the thresholds."""
        state, rate = run.method_state, self.rate * run.optimizer.param_groups[0]["lr"]
        for weight, live, s in zip(state.weights, state.live, state.memory, strict=True):
            if weight.grad is not None:
                step = rate * (_slope(weight, weight.grad, s) + self.decay * s)
                s.sub_(torch.where(step.isfinite(), step, 0.0))  # an update that will be skipped
                weight.grad.mul_(live)
        super().after_backward(run)

    @override
    def after_step(self, run: Run[Latent]) -> None:
        _shrink(run.method_state)

    @override
    def check(self, run: Run[Latent]) -> None:
        state = run.method_state
        pairs = zip(state.weights, _shrunk(state.dense, state.memory), strict=True)
        assert all(torch.equal(*pair) for pair in pairs), "weights are not those of the thresholds"


def _slope(weight: Tensor, gradient: Tensor, s: Tensor) -> Tensor:
    """Return the derivative of the loss by s, (), of what the network computes with."""
    threshold = torch.sigmoid(s)
    return -threshold * (1 - threshold) * (gradient * weight.sign()).sum()


@torch.no_grad()
def _shrink(state: Latent) -> None:
    """Compute with what of the parameters, which are the dense weights, is above thresholds."""
    shrunk = _shrunk(state.weights, state.memory)
    state.hide([part != 0 for part in shrunk])
    torch._foreach_copy_(state.weights, shrunk)


def _shrunk(dense: list[Tensor], thresholds: list[Tensor]) -> list[Tensor]:
    """Return what each layer computes with."""
    pairs = [(w.detach(), torch.sigmoid(s)) for w, s in zip(dense, thresholds, strict=True)]
    return [w - w.clamp(-g, g) for w, g in pairs]
