"""Pruning by a schedule in a loop of the user's own.

All take, by name, the arguments of `PruningOptions`; one that is left out has the default of its
Kconfig symbol. All raise ValueError or TypeError, in one line, for arguments that make no sense
and for a model without a layer that can be masked or whose weights the optimizer does not train.
"""

from __future__ import annotations

from typing import Any, Literal, Unpack

import torch
from torch import nn

from espalier.core.arguments import check_number
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.own_loop.argument_checks import check_choices, check_kinds, check_scaler
from espalier.methods.own_loop.own_loop import OwnLoop
from espalier.methods.own_loop.pruning_options import PruningOptions, plan_of
from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.pruning.movement import Movement
from espalier.methods.pruning.state import State
from espalier.sparse.importance import Importance, check_allocation, missing_moment
from espalier.sparse.optimizer_parts import ReadableState, readable
from espalier.surgery.restarts import fresh_optimizer


class MagnitudePruning(OwnLoop):
    """Prune the smallest |w|: see `methods.pruning.magnitude`.

    The ramp ends, with the target reached, at `ramp_end_step`. Lottery tickets are
    `timing="rounds"` with `rewind="weights"`.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        ramp_end_step: int | None = None,
        **options: Unpack[PruningOptions],
    ) -> None:
        plan, steps = plan_of(type(self), ramp_end_step, options)
        super().__init__(model, optimizer, Magnitude(plan), steps, options)


class MovementPruning(OwnLoop):
    """Prune the weights that move towards zero: see `methods.pruning.movement`.

    Pass the `scaler` of a loop with loss scaling: scores sum gradients without the scale.
    """

    def __init__(  # noqa: PLR0913  # a method's own, beside those of all
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        ramp_end_step: int | None = None,
        form: Literal["sanh", "displacement"] | None = None,
        scaler: torch.amp.GradScaler | None = None,
        **options: Unpack[PruningOptions],
    ) -> None:
        own = {} if form is None else {"form": form}
        check_choices(Movement, own)
        plan, steps = plan_of(type(self), ramp_end_step, options)
        method = with_defaults(Movement, plan=plan, **own)
        super().__init__(model, optimizer, method, steps, options)
        self.scaler = check_scaler(scaler)


class StatePruning(OwnLoop):
    """Prune by an optimizer's own state: see `methods.pruning.state`.

    What `AdamWPrune` does within its step, for any optimizer that keeps the moments which
    `importance` reads; `power` is the exponent of the family "power".
    """

    def __init__(  # noqa: PLR0913  # a method's own, beside those of all
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        ramp_end_step: int | None = None,
        importance: Importance | None = None,
        power: float | None = None,
        **options: Unpack[PruningOptions],
    ) -> None:
        check_kinds(model, optimizer)
        own: dict[str, Any] = {} if importance is None else {"importance": importance}
        check_choices(State, own)
        if power is not None:
            check_number("power", power)
            own["power"] = power
        plan, steps = plan_of(type(self), ramp_end_step, options)
        method = with_defaults(State, plan=plan, **own)
        _check_moments(optimizer, method.importance)
        check_allocation(method.importance, plan.allocation)
        super().__init__(model, optimizer, method, steps, options)


def _check_moments(optimizer: torch.optim.Optimizer, importance: Importance) -> None:
    """Raise TypeError for an optimizer whose state, tried out, has not what a formula reads."""
    says = isinstance(optimizer, ReadableState)
    names = frozenset() if says else fresh_optimizer.traits_of(optimizer).state
    if not (says or names) and all("betas" in group for group in optimizer.param_groups):
        return  # it could not be tried out; Adams have betas
    lacking = missing_moment(importance, readable(optimizer, names))
    if lacking:
        family = "importance='power', " if readable(optimizer, names) else ""
        raise TypeError(
            f"optimizer: {type(optimizer).__name__} keeps no {lacking}, which {importance} reads: "
            f"take {family}MagnitudePruning, or an Adam"
        )
