"""Adafactor: Adam without momentum, its second moments as factors of rows and columns.

Source: Shazeer and Stern 2018, arXiv 1804.04235, algorithms 4 and 5; see
`espalier.optimizers.published.factored_moments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.lean import Lean
from espalier.optimizers.published.factored_moments import (
    COLUMN,
    ROW,
    WHOLE,
    Factors,
    factor_shapes,
    normalize,
    root_mean_square,
    second_moment,
    track,
)
from espalier.optimizers.published.stacked_adafactor import STEP, AdafactorStack
from espalier.optimizers.stacked import stacked_by
from espalier.sparse.optimizer_parts import Moment, StateReading
from espalier.surgery.restarts.restart_kinds import RestartKind


@stacked_by(AdafactorStack)
class AdafactorOptimizer(Lean):
    """The second moment decays by 1 - t^-`decay_power` at step t.

    A weight's rate is the smaller of `lr` and 1 / sqrt(t), with `relative` times its root mean
    square, which counts as `floor` at least. An update has a root mean square of `limit` at most.
    Differs: `lr` stands for the paper's constant of 0.01; decoupled weight decay, of which the
    paper has none, is by `lr` alone, and comes before the size of the weights is taken; no
    momentum, as in the paper's own recommendation. Masked weights count as the zeros that they are
    in means of rows and columns and in sizes, so that a sparse matrix takes smaller steps.
    """

    restart_kind: ClassVar[RestartKind] = RestartKind.GENERIC
    coupling: ClassVar[str] = "its second moments are of whole rows and columns"
    readable: ClassVar[frozenset[Moment]] = frozenset[Moment](("second",))
    whole_state: ClassVar[frozenset[str]] = frozenset((ROW, COLUMN))

    def __init__(  # noqa: PLR0913  # as flat as torch's own optimizers
        self,
        params: Iterable[Any],
        lr: float,
        *,
        decay_power: float,
        floor: float,
        limit: float,
        relative: bool,
        weight_decay: float = 0.0,
    ) -> None:
        own = {"decay_power": decay_power, "floor": floor, "limit": limit, "relative": relative}
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, **own})

    def read_state(self, weight: Tensor) -> StateReading:
        """Return the second moment alone: the product of its factors."""
        return StateReading(second=second_moment(self._factors(weight))[0])

    def _factors(self, weight: Tensor) -> Factors:
        """Return the factors of a weight, as a stack of one."""
        state = self.state[weight]
        return {name: state[name][None] for name in (ROW, COLUMN, WHOLE) if name in state}

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        for parameter in parameters:
            if not self.state[parameter]:
                shapes = factor_shapes(parameter.shape)
                fresh = {name: parameter.new_zeros(shape) for name, shape in shapes.items()}
                self.state[parameter].update({STEP: torch.zeros(()), **fresh})

        def update() -> None:
            lr = float(self.effective_lr(group["lr"]))
            torch._foreach_mul_(parameters, 1 - lr * group["weight_decay"])
            for parameter in parameters:
                self._move(group, parameter, lr)

        return update

    def _move(self, group: dict[str, Any], parameter: Tensor, lr: float) -> None:
        """Update one parameter, which has a gradient."""
        assert parameter.grad is not None
        counter = self.state[parameter][STEP]
        counter += 1
        step, factors, grads = float(counter), self._factors(parameter), parameter.grad[None]
        track(factors, grads, step ** -group["decay_power"])
        rate: Tensor | float = min(lr, step**-0.5)
        if group["relative"]:
            rate = rate * root_mean_square(parameter[None]).clamp_min(group["floor"])
        parameter.sub_((normalize(factors, grads, group["limit"]) * rate)[0])
