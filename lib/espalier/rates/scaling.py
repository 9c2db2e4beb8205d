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

from espalier.core.contracts import Run
from espalier.rates.composing import MultiplierBounds, move, product
from espalier.rates.layers import Layers, find_layers
from espalier.rates.param_view import Factor, Moment, ParamView, Strategy
from espalier.surgery.restarts.update_rates import rates_of


class UpdateScale:
    """Scales the updates of one run; all that it keeps from one to the next can be worked out anew.

    Call `prepare` before the forward pass, `before` when the gradients are as the optimizer will
    see them, and `after` when it has stepped.
    """

    def __init__(self, run: Run, strategies: Sequence[Strategy], bounds: MultiplierBounds) -> None:
        self.run, self.bounds = run, bounds
        self._steady = [strategy for strategy in strategies if strategy.steady]
        self._fleeting = [strategy for strategy in strategies if not strategy.steady]
        self._freezing = [
            strategy for strategy in strategies if type(strategy).frozen is not Strategy.frozen
        ]
        self._grows = any(strategy.grows for strategy in strategies)
        self._cache: dict[Tensor, tuple[Any, Factor]] = {}  # what the steady ones last said
        self._order: list[int] = []
        self._layers = Layers({}, {}, 1)
        self._statistics: list[tuple[Tensor, Tensor]] = []  # of frozen layers, and what they were
        self._kept: tuple[list[Tensor], list[Tensor], list[Factor]] = ([], [], [])

    def prepare(self) -> None:
        """Keep running statistics that the coming forward pass must not change."""
        self._see()
        if not self._freezing:
            return
        moment, count = self._moment(), self._layers.count
        frozen = {d for d in range(count) if self._frozen(d, moment)}
        self._statistics = [
            (buffer, buffer.clone())
            for depth, module in self._norms
            for buffer in (module.buffers() if depth in frozen else ())
        ]

    @torch.no_grad()
    def before(self) -> None:
        """Compute all multipliers and keep the weights of which they are not 1."""
        moment = self._moment()
        factors = {
            parameter: self._factor(self._part(parameter, moment, group))
            for group in self.run.optimizer.param_groups
            for parameter in group["params"]
        }
        moved = [p for p, factor in factors.items() if isinstance(factor, Tensor) or factor != 1.0]
        copies = torch._foreach_mul([p.detach() for p in moved], 1.0) if moved else []
        self._kept = moved, list(copies), [factors[p] for p in moved]
        rates_of(self.run.optimizer).rate_multipliers = factors  # for later parts of the update

    @torch.no_grad()
    def after(self) -> None:
        """Take back of the update what is too much of it, or add what is not enough."""
        if self._kept[0]:
            move(*self._kept)
        for buffer, old in self._statistics:
            buffer.copy_(old)
        self._kept = [], [], []

    def _see(self) -> None:
        """Find the layers anew if the optimizer has other parameters than it had."""
        groups = self.run.optimizer.param_groups
        order = [id(parameter) for group in groups for parameter in group["params"]]
        if order == self._order:
            return
        self._order, self._layers, self._cache = order, find_layers(self.run.model), {}
        named = self.run.model.named_modules()
        norms = [(name, module) for name, module in named if isinstance(module, _NormBase)]
        self._norms = [(self._layers.places[name], module) for name, module in norms]

    def _frozen(self, depth: int, moment: Moment) -> bool:
        return any(
            strategy.frozen(depth, self._layers.count, moment) for strategy in self._freezing
        )

    def _moment(self) -> Moment:
        run = self.run
        record = run.method.birth_record(run) if self._grows else None
        growths = () if record is None else record.growths()
        return Moment(run.step, run.steps_per_epoch, run.total_steps, growths)

    def _part(self, parameter: Tensor, moment: Moment, group: dict[str, Any]) -> ParamView:
        record = self.run.method.birth_record(self.run)
        births = None if record is None else record.birth_steps(parameter)
        return ParamView(
            depth=self._layers.depth[parameter],
            layers=self._layers.count,
            moment=moment,
            weight=parameter,
            gradient=parameter.grad,
            births=births,
            decay=float(group.get("weight_decay", 0.0)),
            places=self._layers.places,
        )

    def _factor(self, part: ParamView) -> Factor:
        growths = part.moment.growths
        key = (len(growths), growths[-1] if growths else None, part.weight.shape)
        entry = self._cache.get(part.weight)
        if entry is None or entry[0] != key:
            factor = product(self._steady, part)
            factor = factor if self._fleeting else self.bounds.limit(factor)
            entry = self._cache[part.weight] = (key, factor)
        if not self._fleeting:
            return entry[1]
        return self.bounds.limit(entry[1] * product(self._fleeting, part))
