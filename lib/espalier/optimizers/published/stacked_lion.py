"""Lion of K runs at once."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from typing_extensions import override

from espalier.optimizers.stacked import Stack


class LionStack(Stack):
    """Runs may differ in everything."""

    READS = ("betas", "weight_decay")
    FIXED: ClassVar[dict[str, Any]] = {}

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        groups = optimizer.param_groups
        beta1, beta2 = groups[0]["betas"]
        betas = {"beta1": beta1, "beta2": beta2, "fresh1": 1 - beta1, "fresh2": 1 - beta2}
        return {**betas, **{f"decay{g}": group["weight_decay"] for g, group in enumerate(groups)}}

    @override
    def begin(self) -> None:
        self.mean = self.adopt("exp_avg")

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads = self.layout.weights(), self.layout.grads()
        kept = 1 - self.per_group("decay", self.exact) * self.of("lr", self.exact)
        for columns, factor in self.layout.each_group(kept.to(weights.dtype)):
            weights[:, columns].mul_(factor)
        step = (self.mean * self.of("beta1")).addcmul_(grads, self.of("fresh1")).sign_()
        weights.addcmul_(step, -self.of("lr"))
        self.mean.mul_(self.of("beta2")).addcmul_(grads, self.of("fresh2"))
        self.layout.put_weights(weights)
