"""Adafactor of K runs at once, each weight of all runs in one go."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.published.factored_moments import (
    Factors,
    factor_shapes,
    normalize,
    root_mean_square,
    track,
)
from espalier.optimizers.stacked import Stack

STEP = "step"


class AdafactorStack(Stack):
    """Runs may differ in everything; steps are counted on the host."""

    READS = ("decay_power", "floor", "limit", "relative", "weight_decay")
    FIXED: ClassVar[dict[str, Any]] = {}

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        """Return hyperparameters; the last two change at each step."""
        groups = optimizer.param_groups
        own = {name: float(groups[0][name]) for name in self.READS[:-1]}
        decays = {f"decay{g}": group["weight_decay"] for g, group in enumerate(groups)}
        return {**own, **decays, "fresh": 0.0, "rate": 0.0}

    @override
    def begin(self) -> None:
        runs, columns = self.layout.runs, self.layout.columns
        self.steps = torch.zeros(runs, len(columns))
        cells = [(k, p, self.steps[k, i]) for i, c in enumerate(columns) for k, p in enumerate(c)]
        self.take(STEP, cells)
        self.in_step = bool((self.steps == self.steps[:, :1]).all())
        self.factors = [self._adopt_factors(list(column)) for column in columns]

    def _adopt_factors(self, column: list[Tensor]) -> Factors:
        """Return the stacked factors of one parameter of every run, whose state are their parts."""
        shapes = factor_shapes(column[0].shape)
        made = {name: column[0].new_zeros((len(column), *shape)) for name, shape in shapes.items()}
        for name, stack in made.items():
            self.take(name, [(k, p, stack[k]) for k, p in enumerate(column)])
        return made

    @torch.no_grad()
    @override
    def count(self) -> None:
        self.steps.add_(1)
        steps = self.steps[:, 0].double().numpy()
        self.column("fresh")[:] = steps ** -self.column("decay_power")
        self.column("rate")[:] = np.minimum(self.column("lr"), steps**-0.5)

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads = self.layout.weights(), self.layout.grads()
        kept = 1 - self.per_group("decay", self.exact) * self.of("lr", self.exact)
        for columns, factor in self.layout.each_group(kept.to(weights.dtype)):
            weights[:, columns].mul_(factor)
        pairs = (self.layout.matrices(matrix) for matrix in (weights, grads))
        for factors, weight, grad in zip(self.factors, *pairs, strict=True):
            self._move(factors, weight, grad)
        self.layout.put_weights(weights)

    def _move(self, factors: Factors, weight: Tensor, grad: Tensor) -> None:
        """Update a weight of every run (K, ...), in place."""

        def of(name: str) -> Tensor:
            return self.of(name).view(-1, *[1] * (weight.ndim - 1))

        track(factors, grad, of("fresh"))
        size = torch.maximum(root_mean_square(weight), of("floor"))
        rate = of("rate") * torch.where(of("relative") > 0, size, torch.ones_like(size))
        weight.addcmul_(normalize(factors, grad, of("limit")), -rate)
