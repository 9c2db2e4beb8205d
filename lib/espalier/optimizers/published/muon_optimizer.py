"""Muon: momentum whose matrices are orthogonalized; other parameters by AdamW.

Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks
(kellerjordan.github.io/posts/muon) and its repository; the scale "moonlight" is of Liu et al. 2025,
Muon is Scalable for LLM Training, arXiv 2502.16982, section 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.lean import AdamCall, LeanAdam
from espalier.optimizers.published.stacked_muon import (
    MOMENTUM,
    MuonStack,
    orthogonal_step,
    scale_of,
)
from espalier.optimizers.stacked import stacked_by
from espalier.sparse.optimizer_parts import Moment, StateReading
from espalier.surgery.restarts.restart_kinds import RestartKind

Scale: TypeAlias = Literal["moonlight", "keller"]


@stacked_by(MuonStack)
class MuonOptimizer(LeanAdam):
    """Groups marked `hidden` are updated by Muon, all others by AdamW at `share` of the rate.

    `momentum_buffer` of a hidden matrix is the running mean of its gradients. `scale` multiplies
    its update: `keller` by sqrt(max(1, rows / columns)), `moonlight` by
    0.2 sqrt(max(rows, columns)), the size of AdamW's updates. A filter bank is a matrix of a row an
    output.
    Differs: an element whose momentum and gradient are exactly 0, as that of a masked weight, is
    left where it is; the repository's factor `keller` of a filter bank is of the filters' sides. A
    matrix that holds queries, keys and values together is one matrix, where the post advises three.
    """

    # A fresh Muon has no more than a momentum of 0; those of AdamW are counted.
    restart_kind: ClassVar[RestartKind] = RestartKind.COUNTED
    coupling: ClassVar[str] = "it orthogonalizes whole matrices"
    readable: ClassVar[frozenset[Moment]] = frozenset[Moment](("first",))

    def __init__(  # noqa: PLR0913  # as flat as torch's own optimizers
        self,
        params: Iterable[Any],
        lr: float,
        *,
        momentum: float,
        nesterov: bool,
        scale: Scale,
        share: float,
        **options: Any,
    ) -> None:
        """`options` are Adam's own."""
        own = {"momentum": momentum, "nesterov": nesterov, "scale": scale, "share": share}
        groups = [{"hidden": False, **group, **own} for group in params]
        super().__init__(groups, lr, decoupled_weight_decay=True, **options)
        self._step_supports_amp_scaling = False  # orthogonalization needs true gradients

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state as torch's base class does: Adam's wants a count of every parameter."""
        torch.optim.Optimizer.__setstate__(self, state)

    def read_state(self, weight: Tensor) -> StateReading:
        """Return the first moment alone, also where AdamW has both: layers are compared by it."""
        state = self.state[weight]
        return StateReading(first=state[MOMENTUM] if MOMENTUM in state else state["exp_avg"])

    @override
    def last_settings(self, group: dict[str, Any]) -> Mapping[str, Any]:
        settings = super().last_settings(group)
        return {**settings, "lr": settings["lr"] * _share(settings)}

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        if not group["hidden"]:
            return self.begin_call(group, parameters, _SharedCall)
        momenta = self.begin_state(parameters, MOMENTUM)

        def update() -> None:
            rate = float(self.effective_lr(group["lr"]))
            torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
            for parameter, momentum in zip(parameters, momenta, strict=True):
                assert parameter.grad is not None
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(momentum, group["momentum"])
                operand = ahead if group["nesterov"] else momentum
                step = orthogonal_step(operand[None])[0]
                parameter.add_(step, alpha=-rate * scale_of(parameter.shape, group["scale"]))

        return update


class _SharedCall(AdamCall):
    """AdamW at a share of the rate."""

    @override
    def settings(self) -> tuple[Any, ...]:
        rate, *rest = super().settings()
        return (rate * _share(self.group), *rest)


def _share(group: Mapping[str, Any]) -> float:
    return 1.0 if group["hidden"] else float(group["share"])
