"""Multipliers at work: weights are kept before an update and, after it, moved by a part of it.

So what is scaled is the update, whatever optimizer made it: its weight decay and momentum too. To
scale the gradient would do nothing under Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from espalier.contracts import Run
from espalier.rates.composing import Bounds, composed, mixed
from espalier.rates.history import Growing
from espalier.rates.layers import Layers, layers_of
from espalier.rates.part import Factor, Moment, Part, Strategy

MULTIPLIERS = "rate_multipliers"
"""The optimizer's attribute with the multipliers of the last update, for later parts of it."""


class UpdateScale:
    """Scales the updates of one run; it holds nothing from one update to the next.

    Call `prepare` before the forward pass, `before` when the gradients are as the optimizer will
    see them, and `after` when it has stepped.
    """

    def __init__(self, run: Run, strategies: Sequence[Strategy], bounds: Bounds) -> None:
        self.run, self.strategies, self.bounds = run, tuple(strategies), bounds
        self._grows = any(strategy.grows for strategy in strategies)
        self._known: list[Tensor] = []
        self._layers = Layers({}, {}, 1)
        self._statistics: list[tuple[Tensor, Tensor]] = []  # of frozen layers, and what they were
        self._kept: list[tuple[Tensor, Tensor, Factor]] = []

    def prepare(self) -> None:
        """Keep running statistics that the coming forward pass must not change."""
        self._see()
        moment = self._moment()
        frozen = {
            depth
            for depth in range(self._layers.count)
            if any(one.frozen(depth, self._layers.count, moment) for one in self.strategies)
        }
        self._statistics = [
            (buffer, buffer.clone())
            for name, module in (self.run.model.named_modules() if frozen else ())
            if isinstance(module, _NormBase) and self._layers.places[name] in frozen
            for buffer in module.buffers()
        ]

    @torch.no_grad()
    def before(self) -> None:
        """Work out all multipliers and keep the weights of which they are not 1."""
        moment = self._moment()
        parts = [
            (parameter, self._part(parameter, moment, group))
            for group in self.run.optimizer.param_groups
            for parameter in group["params"]
        ]
        factors = {p: composed(self.strategies, part, self.bounds) for p, part in parts}
        moved = [p for p, factor in factors.items() if isinstance(factor, Tensor) or factor != 1.0]
        copies = torch._foreach_mul([p.detach() for p in moved], 1.0) if moved else []
        self._kept = [(p, old, factors[p]) for p, old in zip(moved, copies, strict=True)]
        setattr(self.run.optimizer, MULTIPLIERS, factors)

    @torch.no_grad()
    def after(self) -> None:
        """Take back of the update what is too much of it, or add what is not enough."""
        for parameter, old, factor in self._kept:
            parameter.copy_(mixed(old, parameter, factor))
        for buffer, old in self._statistics:
            buffer.copy_(old)
        self._kept = []

    def _see(self) -> None:
        """Find the layers anew if the optimizer has other parameters than it had."""
        groups = self.run.optimizer.param_groups
        held = [parameter for group in groups for parameter in group["params"]]
        if list(map(id, held)) != list(map(id, self._known)):
            self._known, self._layers = held, layers_of(self.run.model)

    def _moment(self) -> Moment:
        run = self.run
        told = self._grows and isinstance(run.method, Growing)
        growths = run.method.growths(run) if told else ()  # type: ignore[attr-defined]
        return Moment(run.step, run.steps_per_epoch, run.total_steps, growths)

    def _part(self, parameter: Tensor, moment: Moment, group: dict[str, Any]) -> Part:
        method = self.run.method
        births = method.births(self.run, parameter) if isinstance(method, Growing) else None
        return Part(
            depth=self._layers.depth[parameter],
            layers=self._layers.count,
            moment=moment,
            weight=parameter,
            gradient=parameter.grad,
            births=births,
            decay=float(group.get("weight_decay", 0.0)),
            places=self._layers.places,
        )
