"""The symbols of the menu "Rates of single parts", and the strategies that they ask for."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.by_age import Age, Component, Dual, Sedimentary, Warmup
from espalier.rates.by_depth import Cascade, Freezing, Pretrained
from espalier.rates.by_event import AfterGrowth, Differential
from espalier.rates.by_norm import Density, Lars
from espalier.rates.composing import MultiplierBounds
from espalier.rates.param_view import Strategy
from espalier.rates.scaling import UpdateScale

Rates = Literal[
    "none",
    "cascade",
    "dual",
    "age",
    "component",
    "pretrained",
    "growth",
    "warmup",
    "lars",
    "freezing",
    "differential",
    "density",
    "sedimentary",
    "combined",
    "several",
]


@kconfig_dataclass
class RatePlan:
    """A strategy is there where Kconfig shows its symbols."""

    rates: Rates = symbol("RATES")
    with_cascade: bool | None = symbol("RATES_WITH_CASCADE")
    with_dual: bool | None = symbol("RATES_WITH_DUAL")
    with_age: bool | None = symbol("RATES_WITH_AGE")
    with_component: bool | None = symbol("RATES_WITH_COMPONENT")
    with_pretrained: bool | None = symbol("RATES_WITH_PRETRAINED")
    with_growth: bool | None = symbol("RATES_WITH_GROWTH")
    with_warmup: bool | None = symbol("RATES_WITH_WARMUP")
    with_lars: bool | None = symbol("RATES_WITH_LARS")
    with_freezing: bool | None = symbol("RATES_WITH_FREEZING")
    with_differential: bool | None = symbol("RATES_WITH_DIFFERENTIAL")
    with_density: bool | None = symbol("RATES_WITH_DENSITY")
    with_sedimentary: bool | None = symbol("RATES_WITH_SEDIMENTARY")
    cascade: Cascade | None = None
    dual: Dual | None = None
    age: Age | None = None
    component: Component | None = None
    pretrained: Pretrained | None = None
    growth: AfterGrowth | None = None
    warmup: Warmup | None = None
    lars: Lars | None = None
    freezing: Freezing | None = None
    differential: Differential | None = None
    density: Density | None = None
    sedimentary: Sedimentary | None = None
    bounds: MultiplierBounds | None = None

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies shown by Kconfig, in the order of the fields."""
        options = (getattr(self, item.name) for item in fields(self))
        return tuple(strategy for strategy in options if isinstance(strategy, Strategy))

    def scale(self, run: Run) -> UpdateScale | None:
        """Return what scales the updates of `run`; None if they all stay as they are.

        Raises CannotTrain if the plan asks for what the method cannot tell, or for nothing.
        """
        if self.bounds is None:
            return None
        if not self.strategies:
            raise CannotTrain(
                "no_rates", "CONFIG_RATES=several: choose at least one of CONFIG_RATES_WITH_*"
            )
        grows = [type(strategy).__name__ for strategy in self.strategies if strategy.grows]
        if grows and run.method.birth_record(run) is None:
            raise CannotTrain(
                "rates_without_births",
                f"CONFIG_RATES={self.rates}: the rates {', '.join(grows)} go by when weights were "
                "born, which CONFIG_PRUNING_METHOD does not record; choose a method that grows",
            )
        return UpdateScale(run, self.strategies, self.bounds)
