"""SOAP: Adam in the eigenbases of Shampoo's preconditioner.

Source: Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321,
algorithm 3; see `espalier.optimizers.published.eigenbases`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.lean import LeanAdam
from espalier.optimizers.published.eigenbases import (
    LEFT,
    LEFT_BASIS,
    RIGHT,
    RIGHT_BASIS,
    ROTATED,
    begin_bases,
    follow_gradient,
    refresh_bases,
    rotate,
    rotate_back,
)
from espalier.sparse.optimizer_parts import Moment, StateReading
from espalier.surgery.restarts.restart_kinds import RestartKind

MEAN, STEPS, TURNED = "exp_avg", "steps", "rotated_steps"
"""The mean gradient in the weights' own basis, its steps, and those of the second moment."""


class SoapOptimizer(LeanAdam):
    """Groups marked `rotated` are updated by SOAP, others by AdamW with the same settings.

    Bases are brought up to date every `frequency` steps; a side of more than `largest` rows or
    columns is not rotated. A filter bank is a matrix of a row an output. As in the repository, a
    matrix is left alone at its first gradient, which only begins its bases, and epsilon is added
    before the bias is corrected.
    Differs: weights decay before the step, as in AdamW; filter banks are matrices, where the
    repository has a basis for each dimension by default; vectors are AdamW's from their first
    gradient on and do not decay, where the repository leaves them alone at it too and lets all
    decay; an element whose mean gradient is exactly 0, as that of a masked weight, is left where it
    is.

    A run in a pack would not be what it is alone. Where the products of gradients have no full
    rank, as in small batches, rounding decides which eigenvectors there are, and Adam divides by
    what it finds along them.
    """

    # A matrix's mean gradient begins at 0; the steps of vectors are counted.
    restart_kind: ClassVar[RestartKind] = RestartKind.COUNTED
    coupling: ClassVar[str] = "it rotates whole matrices"
    why_alone: ClassVar[str] = "rounding decides the bases of SOAP where gradients are few"
    readable: ClassVar[frozenset[Moment]] = frozenset[Moment](("first", "second"))
    whole_state: ClassVar[frozenset[str]] = frozenset(
        (ROTATED, LEFT, RIGHT, LEFT_BASIS, RIGHT_BASIS)
    )
    renewed_state: ClassVar[frozenset[str]] = whole_state | {TURNED}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        frequency: int,
        largest: int,
        **options: Any,
    ) -> None:
        """`options` are Adam's own."""
        own = {"frequency": frequency, "largest": largest}
        groups = [{"rotated": False, **group, **own} for group in params]
        super().__init__(groups, lr, decoupled_weight_decay=True, **options)
        self._step_supports_amp_scaling = False  # products of gradients need true ones

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state as torch's base class does: Adam's wants its own count everywhere."""
        torch.optim.Optimizer.__setstate__(self, state)

    def read_state(self, weight: Tensor) -> StateReading:
        """Return the mean gradient, and the rotated second moment brought back to the weights."""
        state = self.state[weight]
        if ROTATED not in state:
            return StateReading(state[MEAN], state.get("exp_avg_sq", torch.zeros_like(weight)))
        second = rotate_back(state, state[ROTATED], power=2)
        return StateReading(state[MEAN], second.view(weight.shape))

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        if not group["rotated"]:
            return super()._kernel(group, parameters)
        self.begin_state(parameters, MEAN)

        def update() -> None:
            rate = float(self.effective_lr(group["lr"]))
            for parameter in parameters:
                assert parameter.grad is not None
                state, gradient = self.state[parameter], parameter.grad.flatten(1)
                if ROTATED in state:
                    parameter.mul_(1 - rate * group["weight_decay"])
                    step = _step(state, gradient, group["betas"], group["eps"])
                    parameter.sub_((step * rate).view(parameter.shape))
                    _follow(state, gradient, group)
                else:
                    begin_bases(state, gradient, 1 - group["betas"][1], group["largest"])
                    state.setdefault(STEPS, 0)
                    state[TURNED] = 0

        return update


def _step(state: Any, gradient: Tensor, betas: tuple[float, float], eps: float) -> Tensor:
    """Take in a gradient (rows, columns); return the step in the weights' basis, without rate."""
    beta1, beta2 = betas
    state[MEAN].lerp_(gradient.reshape(state[MEAN].shape), 1 - beta1)
    mean = state[MEAN].flatten(1)  # a copy where channels lie last
    turned = rotate(state, gradient)
    state[ROTATED].mul_(beta2).addcmul_(turned, turned, value=1 - beta2)
    state[STEPS] += 1
    state[TURNED] += 1
    size = math.sqrt(1 - beta2 ** state[TURNED]) / (1 - beta1 ** state[STEPS])
    step = rotate_back(state, rotate(state, mean) / state[ROTATED].sqrt().add_(eps))
    return step.mul_(size).masked_fill_(mean == 0, 0.0)


def _follow(state: Any, gradient: Tensor, group: dict[str, Any]) -> None:
    """Let the bases follow the gradient; it was of no use for its own step."""
    follow_gradient(state, gradient, 1 - group["betas"][1])
    if state[TURNED] % group["frequency"] == 0:
        refresh_bases(state)
