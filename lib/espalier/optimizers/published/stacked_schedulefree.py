"""Schedule-free AdamW of K runs at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from typing_extensions import override

from espalier.optimizers.stacked import Stack

BASE, SQUARE = "z", "exp_avg_sq"
"""The state of a weight: where the plain steps lead, and its second moment."""


class StepFactors(NamedTuple):
    """What a step of a group does, by its settings and how many steps there were."""

    rate: float  # of the plain step
    share: float  # of the plain steps' last point in the average
    lead: float  # of the step in the point where gradients are taken


def advance(group: dict[str, Any], lr: float) -> StepFactors:
    """Count a step of a group at the rate `lr`, and return what it does."""
    beta1, beta2 = group["betas"]
    group["steps"] += 1
    warm = min(1.0, group["steps"] / group["warmup"]) if group["warmup"] else 1.0
    rate = lr * warm * math.sqrt(1 - beta2 ** group["steps"])
    group["weight_sum"] += rate**2
    share = rate**2 / group["weight_sum"] if group["weight_sum"] else 0.0
    return StepFactors(rate, share, rate * (beta1 * (1 - share) - 1))


class ScheduleFreeStack(Stack):
    """Runs may differ in everything; steps are counted on the host."""

    READS = ("betas", "eps", "warmup", "weight_decay")
    FIXED: ClassVar[dict[str, Any]] = {}

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        """Return hyperparameters; those of `StepFactors` change at each step."""
        groups = optimizer.param_groups
        _, beta2 = groups[0]["betas"]
        decays = {f"decay{g}": group["weight_decay"] for g, group in enumerate(groups)}
        own = {"beta2": beta2, "fresh2": 1 - beta2, "eps": groups[0]["eps"]}
        return {**own, **decays, **dict.fromkeys(StepFactors._fields, 0.0)}

    @override
    def begin(self) -> None:
        counts = [[_counts(group) for group in o.param_groups] for o in self.optimizers]
        self.in_step = all(row.count(row[0]) == len(row) for row in counts)
        for optimizer, column in zip(
            self.optimizers, zip(*self.layout.columns, strict=True), strict=True
        ):
            for parameter in column:
                optimizer.state[parameter].setdefault(BASE, parameter.detach().clone())
        self.base, self.square = self.adopt(BASE), self.adopt(SQUARE)

    @override
    def count(self) -> None:
        for k, optimizer in enumerate(self.optimizers):
            optimizer.check_training()
            factors = [advance(group, self.column("lr")[k]) for group in optimizer.param_groups]
            for name, value in factors[0]._asdict().items():
                self.column(name)[k] = value

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads = self.layout.weights(), self.layout.grads()
        self.square.mul_(self.of("beta2")).addcmul_(grads * grads, self.of("fresh2"))
        steps = grads.div_(self.square.sqrt().add_(self.of("eps")))
        for columns, decay in self.layout.each_group(self.per_group("decay")):
            steps[:, columns].addcmul_(weights[:, columns], decay)
        weights.lerp_(self.base, self.of("share")).addcmul_(steps, self.of("lead"))
        self.base.addcmul_(steps, -self.of("rate"))
        self.layout.put_weights(weights)


def _counts(group: Mapping[str, Any]) -> tuple[int, float]:
    return group["steps"], group["weight_sum"]
