"""L2 Init: weights are drawn back to where they began, not to 0.

Source: Kumar, Marklund and Van Roy 2023, Maintaining Plasticity in Continual Learning via
Regenerative Regularization, arXiv 2308.11958, section 4, equation 1.
Differs: nothing. The gradient of the penalty is added before gradients are clipped; the loss that
is recorded is without the penalty.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class L2Init(Method[list[Tensor]]):
    """Add `strength` times the squared distance of all parameters from their first values."""

    strength: float

    @override
    def attach(self, run: Run[list[Tensor]]) -> None:
        run.method_state = [p.detach().clone() for p in run.model.parameters()]

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[list[Tensor]]) -> None:
        for parameter, first in zip(run.model.parameters(), run.method_state, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter - first, alpha=2 * self.strength)

    @override
    @torch.no_grad()
    def measures(self, run: Run[list[Tensor]]) -> Measures:
        """Return how far all parameters are from their first values, as a length."""
        pairs = zip(run.model.parameters(), run.method_state, strict=True)
        squares = sum(float((p - first).double().square().sum()) for p, first in pairs)
        return {"distance_from_start": squares**0.5}

    @override
    def state_dict(self, run: Run[list[Tensor]]) -> StateDict:
        return {"first": run.method_state}

    @override
    def load_state_dict(self, run: Run[list[Tensor]], state: StateDict) -> None:
        pairs = zip(run.method_state, state["first"], strict=True)
        run.method_state = [there.to(here.device) for here, there in pairs]
