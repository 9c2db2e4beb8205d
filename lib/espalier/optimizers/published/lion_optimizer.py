"""Lion: the sign of an interpolation between momentum and gradient.

Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675,
algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.lean import Lean
from espalier.optimizers.published.stacked_lion import LionStack
from espalier.optimizers.stacked import stacked_by
from espalier.surgery.restarts.restart_kinds import RestartKind


@stacked_by(LionStack)
class LionOptimizer(Lean):
    """Lion over parameters or groups; `exp_avg` is its momentum, the mean of gradients by beta2.

    Differs: nothing in the rule; which parameters decay is said by the groups. Weight decay acts on
    the weights as they were before the step.
    """

    restart_kind: ClassVar[RestartKind] = RestartKind.RESET  # a fresh one has no more than zeros
    coupling: ClassVar[str] = ""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        means = self.begin_state(parameters, "exp_avg")
        gradients = [p.grad for p in parameters if p.grad is not None]

        def update() -> None:
            beta1, beta2 = group["betas"]
            rate = float(self.effective_lr(group["lr"]))
            torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
            steps = torch._foreach_mul(means, beta1)
            torch._foreach_add_(steps, gradients, alpha=1 - beta1)
            torch._foreach_sign_(steps)
            torch._foreach_add_(parameters, steps, alpha=-rate)
            torch._foreach_mul_(means, beta2)
            torch._foreach_add_(means, gradients, alpha=1 - beta2)

        return update
