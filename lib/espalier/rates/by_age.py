"""Rates by how old each weight is, in updates or in growth events that it has outlived.

Initial weights are the scaffold. Each growth event of the method ends a phase.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.param_view import ParamView, Strategy

NEW, ACTIVE, SCAFFOLD = 0, 1, 2
ACTIVE_STRATUM, SEDIMENT, GEOLOGICAL = 0, 1, 2


def tags(age: Tensor, grown: Tensor, new: int, active: int) -> Tensor:
    """Return NEW before age `new` (updates), ACTIVE before `new + active`, then SCAFFOLD; int64.

    What was not grown is SCAFFOLD from the start. Every element has exactly one tag.
    """
    by_age = (age >= new).long() + (age >= new + active).long()
    return torch.where(grown, by_age, SCAFFOLD)


def strata(age: Tensor, sediment: int, geological: int) -> Tensor:
    """Return ACTIVE_STRATUM up to age `sediment`, SEDIMENT up to `geological`, then GEOLOGICAL."""
    return (age > sediment).long() + (age > geological).long()


def ageing(phases: Tensor, decay: float, floor: float) -> Tensor:
    """Return `decay` ** `phases`, float64, `floor` at least. It halves in log(.5, decay)."""
    factor: Tensor = decay ** phases.double()
    return factor.clamp_min(floor)


def warmed(age: Tensor, steps: int) -> Tensor:
    """Return a straight rise from 1 / `steps` at age 0 to 1 at age `steps` - 1, float64."""
    return ((age + 1).double() / steps).clamp_max(1.0)


def _of(values: tuple[float, ...], kinds: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device=kinds.device)[kinds]


@kconfig_dataclass
class Dual(Strategy):
    """One rate for the scaffold and one for whatever was grown: patches.

    `since` growth, the scaffold trains at the base rate until the first event.
    """

    grows: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    scaffold: float = symbol("RATES_DUAL_SCAFFOLD")
    patch: float = symbol("RATES_DUAL_PATCH")
    since: Literal["start", "growth"] = symbol("RATES_DUAL_SINCE")

    @override
    def factor(self, part: ParamView) -> Tensor:
        early = self.since == "growth" and not part.moment.growths
        return _of((1.0 if early else self.scaffold, self.patch), part.grown.long())


@kconfig_dataclass
class Age(Strategy):
    """`decay` a growth event outlived, down to `floor`."""

    grows: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    decay: float = symbol("RATES_AGE_DECAY")
    floor: float = symbol("RATES_AGE_FLOOR")

    @override
    def factor(self, part: ParamView) -> Tensor:
        return ageing(part.phases, self.decay, self.floor)


@kconfig_dataclass
class Component(Strategy):
    """Grown weights are new, then active, then scaffold.

    Differs: new layers, "necks", are new weights like any others.
    """

    grows: ClassVar[bool] = True
    new: float = symbol("RATES_COMPONENT_NEW")
    active: float = symbol("RATES_COMPONENT_ACTIVE")
    scaffold: float = symbol("RATES_COMPONENT_SCAFFOLD")
    new_steps: int = symbol("RATES_COMPONENT_NEW_STEPS")
    active_steps: int = symbol("RATES_COMPONENT_ACTIVE_STEPS")

    @override
    def factor(self, part: ParamView) -> Tensor:
        kinds = tags(part.age, part.grown, self.new_steps, self.active_steps)
        return _of((self.new, self.active, self.scaffold), kinds)


@kconfig_dataclass
class Warmup(Strategy):
    """Newborn weights begin slowly; the scaffold does not."""

    grows: ClassVar[bool] = True
    steps: int = symbol("RATES_WARMUP_STEPS")

    @override
    def factor(self, part: ParamView) -> Tensor:
        return warmed(part.age, self.steps).where(part.grown, 1.0)


@kconfig_dataclass
class Sedimentary(Strategy):
    """Strata by the growth events that a weight has outlived; patches join them as they age."""

    grows: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    sediment: int = symbol("RATES_SEDIMENTARY_SEDIMENT")
    geological: int = symbol("RATES_SEDIMENTARY_GEOLOGICAL")
    sediment_rate: float = symbol("RATES_SEDIMENTARY_SEDIMENT_RATE")
    geological_rate: float = symbol("RATES_SEDIMENTARY_GEOLOGICAL_RATE")

    @override
    def factor(self, part: ParamView) -> Tensor:
        kinds = strata(part.phases, self.sediment, self.geological)
        return _of((1.0, self.sediment_rate, self.geological_rate), kinds)
