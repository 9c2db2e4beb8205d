"""Adam and AdamW of K runs at once."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.layout import Layout
from espalier.optimizers.stacked import Stack


class AdamStack(Stack):
    """Runs with and without AMSGrad, and with either kind of weight decay, may be mixed."""

    READS: ClassVar[tuple[str, ...]] = (
        "betas",
        "eps",
        "amsgrad",
        "weight_decay",
        "decoupled_weight_decay",
    )
    FIXED = {"maximize": False}

    @classmethod
    @override
    def form(cls, groups: list[dict[str, Any]]) -> tuple[bool, bool]:
        return groups[0]["amsgrad"], groups[0]["decoupled_weight_decay"]

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        first = optimizer.param_groups[0]
        beta1, beta2 = first["betas"]
        decays = [group["weight_decay"] for group in optimizer.param_groups]
        decoupled = first["decoupled_weight_decay"]
        return {
            "beta1": beta1,
            "beta2": beta2,
            "fresh1": 1 - beta1,  # in float64: float32 would lose half of its digits here
            "fresh2": 1 - beta2,
            "eps": first["eps"],
            "amsgrad": first["amsgrad"],
            **{f"shrink{g}": decay * decoupled for g, decay in enumerate(decays)},
            **{f"decay{g}": decay * (not decoupled) for g, decay in enumerate(decays)},
        }

    def begin(self) -> None:
        """Take over the state; `in_step` is false if a run's parameters took unequal steps."""
        self.begin_moments(self.layout)

    def begin_moments(self, layout: Layout) -> None:
        """Take over the state of the parameters of `layout`, which Adam updates."""
        self.steps = self._adopt_steps(layout)
        self.in_step = bool((self.steps == self.steps[:, :1]).all())
        self.mean = self.adopt("exp_avg", layout=layout)
        self.square = self.adopt("exp_avg_sq", layout=layout)
        amsgrad, decoupled = zip(*self._forms, strict=True)
        self.largest = self.adopt("max_exp_avg_sq", amsgrad, layout) if any(amsgrad) else None
        self._shrinks, self._decays = any(decoupled), not all(decoupled)

    def _adopt_steps(self, layout: Layout) -> Tensor:
        """Return (K, parameters): one count each, for a run that leaves steps by itself again."""
        columns = layout.columns
        steps = torch.zeros(self.layout.runs, len(columns), device=self.layout.device)
        cells = [(k, p, steps[k, i]) for i, c in enumerate(columns) for k, p in enumerate(c)]
        self.take("step", cells)
        return steps

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads = self.layout.weights(), self.layout.grads()
        self.guard(grads)
        self.decay(weights, grads)
        self.move(weights, grads)
        self.layout.put_weights(weights)

    def move(self, weights: Tensor, grads: Tensor) -> None:
        """Update weights (K, ...) in place, by gradients whose content is lost."""
        self.steps.add_(1)
        self.mean.lerp_(grads, self.of("fresh1"))
        self.square.lerp_(grads.square_(), self.of("fresh2"))
        rate, root = self._corrections()
        size = torch.addcmul(self.of("eps"), self._second_moment().sqrt(), root)
        weights.addcmul_(torch.div(self.mean, size, out=size), rate)

    def guard(self, grads: Tensor) -> None:
        """Change the gradients (K, N) as need be, before the update."""

    def decay(self, weights: Tensor, grads: Tensor) -> None:
        """Let all weights (K, N) decay, in place, or through the gradients."""
        if self._shrinks:
            kept = 1 - self.per_group("shrink", self.exact) * self.of("lr", self.exact)
            for columns, factor in self.layout.each_group(kept.to(weights.dtype)):
                weights[:, columns].mul_(factor)
        if self._decays:
            for columns, decay in self.layout.each_group(self.per_group("decay")):
                grads[:, columns].addcmul_(weights[:, columns], decay)

    def _corrections(self) -> tuple[Tensor, Tensor]:
        """Return (K, 1) each, bias-corrected: minus the rate, and the factor of the moment's root.

        In float64, as in torch's kernels: for late steps 1 - beta^t is close to 1.
        """
        first, second = self._names.index("beta1"), self._names.index("beta2")  # neighbours
        betas = self.exact[:, first : second + 1]
        corrections = 1 - betas.pow(self.steps[:, :1].double())
        rate = -self.rate() / corrections[:, :1]
        return rate.to(self.layout.dtype), corrections[:, 1:].rsqrt().to(self.layout.dtype)

    def rate(self) -> Tensor:
        """Return the rate of Adam's parameters, (K, 1) float64."""
        return self.of("lr", self.exact)

    def _second_moment(self) -> Tensor:
        """Return (K, N): with AMSGrad its largest value so far."""
        if self.largest is None:
            return self.square
        torch.maximum(self.largest, self.square, out=self.largest)
        return torch.where(self.of("amsgrad") > 0, self.largest, self.square)
