"""When neurons are replaced: events at a fixed interval, at a rate that may fall to nothing."""

from __future__ import annotations

import math
from typing import Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


def annealed_rate(rate: float, step: int, anneal_steps: int) -> float:
    """Return the share of neurons to replace at `step`; 0 for `anneal_steps` is no annealing.

    Source: the cosine of Evci et al. 2020, "Rigging the Lottery", arXiv:1911.11134.
    """
    if not anneal_steps:
        return rate
    return rate * 0.5 * (1 + math.cos(math.pi * min(step / anneal_steps, 1.0)))


@kconfig_dataclass
class Annealing:
    """Whether the rate of replacement falls, and where it ends."""

    anneal: Literal["none", "half_cosine"] = symbol("APOPTOSIS_ANNEAL")
    end: float | None = symbol("APOPTOSIS_ANNEAL_END")  # share of the run; None: no end

    def steps(self, total_steps: int) -> int:
        """Return the step of `total_steps` at which the rate is 0; 0 if it does not fall."""
        return round((self.end or 0) * total_steps) if self.anneal == "half_cosine" else 0


@kconfig_dataclass
class EventSchedule(RunSchedule):
    """Events of the methods that replace a share of the neurons."""

    rate: float = symbol("APOPTOSIS_RATE")
    interval: int = symbol("APOPTOSIS_INTERVAL")
    annealing: Annealing

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if no event comes before the last step: later the rate is no higher."""
        anneal_steps = self.annealing.steps(length.total_steps)
        never = annealed_rate(self.rate, self.interval, anneal_steps) <= 0
        if never or self.interval >= length.total_steps:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"no event would come before step {length.total_steps}, the run's last: lower the "
                f"interval ({self.interval}) or raise CONFIG_NUM_EPOCHS; a rate of 0, or no room "
                "to grow, is never",
            )


@kconfig_dataclass
class GrowthEventSchedule(EventSchedule):
    """Events of the method that only adds neurons."""

    rate: float = symbol("APOPTOSIS_GROWTH_RATE")
    interval: int = symbol("APOPTOSIS_GROWTH_INTERVAL")
