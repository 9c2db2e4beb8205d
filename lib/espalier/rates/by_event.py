"""Rates that fall at each growth event and recover: only weights that were there before it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from typing_extensions import override

from espalier.core.birth_record import GrowthEvent
from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.param_view import ParamView, Strategy


def recovering(since: int, shock: float, steps: int) -> float:
    """Return `shock` at the first update after an event (`since` 0), rising linearly to 1."""
    return shock + (1.0 - shock) * min(since / steps, 1.0)


def by_distance(distance: int, near: tuple[float, ...]) -> float:
    """Return the factor of a layer at a distance from what grew; the last one beyond."""
    return near[min(distance, len(near) - 1)]


def layer_distance(depth: int, growth: GrowthEvent, places: dict[str, int]) -> int:
    """Return the layers between a layer and the nearest that grew; 0 if that is unknown."""
    grown = [places[name] for name in growth.layers if name in places]
    return min((abs(depth - each) for each in grown), default=0)


@kconfig_dataclass
class AfterGrowth(Strategy):
    """Each event slows down older weights; factors of events multiply, down to `floor`."""

    grows: ClassVar[bool] = True
    shock: float = symbol("RATES_GROWTH_SHOCK")
    recovery: int = symbol("RATES_GROWTH_RECOVERY")
    floor: float = symbol("RATES_GROWTH_FLOOR")

    @override
    def factor(self, part: ParamView) -> Tensor:
        since = (part.moment.step - growth.step for growth in part.moment.growths)
        factors = [recovering(steps, self.shock, self.recovery) for steps in since]
        return part.outlived(factors).clamp_min(self.floor)


@kconfig_dataclass
class Differential(Strategy):
    """Like `AfterGrowth`, with a shock by the distance to the layer that grew."""

    grows: ClassVar[bool] = True
    grown: float = symbol("RATES_DIFFERENTIAL_GROWN")
    adjacent: float = symbol("RATES_DIFFERENTIAL_ADJACENT")
    distant: float = symbol("RATES_DIFFERENTIAL_DISTANT")
    recovery: int = symbol("RATES_DIFFERENTIAL_RECOVERY")
    floor: float = symbol("RATES_DIFFERENTIAL_FLOOR")

    @override
    def factor(self, part: ParamView) -> Tensor:
        factors = [self._one(part, growth) for growth in part.moment.growths]
        return part.outlived(factors).clamp_min(self.floor)

    def _one(self, part: ParamView, growth: GrowthEvent) -> float:
        away = layer_distance(part.depth, growth, part.places or {})
        shock = by_distance(away, (self.grown, self.adjacent, self.distant))
        return recovering(part.moment.step - growth.step, shock, self.recovery)
