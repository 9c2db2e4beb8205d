"""SGD of K runs at once."""

from __future__ import annotations

from typing import Any

import torch
from typing_extensions import override

from espalier.optimizers.stacked import Stack


class SGDStack(Stack):
    """Runs with and without momentum, and with either kind of it, may be mixed."""

    READS = ("momentum", "nesterov", "weight_decay")
    FIXED = {"dampening": 0, "maximize": False}

    @classmethod
    @override
    def form(cls, groups: list[dict[str, Any]]) -> bool:
        return bool(groups[0]["momentum"] != 0)

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        groups = optimizer.param_groups
        decay = {f"decay{g}": group["weight_decay"] for g, group in enumerate(groups)}
        return {"momentum": groups[0]["momentum"], "nesterov": groups[0]["nesterov"], **decay}

    @override
    def begin(self) -> None:
        self.buffer = self.adopt("momentum_buffer", self.column("momentum") != 0)

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads = self.layout.weights(), self.layout.grads()
        for columns, decay in self.layout.each_group(self.per_group("decay")):
            grads[:, columns].addcmul_(weights[:, columns], decay)
        momentum = self.of("momentum")
        self.buffer.mul_(momentum).add_(grads)
        ahead = torch.addcmul(grads, self.buffer, momentum)
        step = torch.where(self.of("nesterov") > 0, ahead, self.buffer)
        self.layout.put_weights(weights.addcmul_(step, -self.of("lr")))
