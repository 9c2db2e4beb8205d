"""When a network grows: by the clock, when its gradient has become noisier, or when it is stuck."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.timing.gradient_variance import VarianceTrigger
from espalier.sparse.schedule import last_event


@kconfig_dataclass
class Noise:
    """The symbols of the trigger by the gradient's variance."""

    window: int = symbol("GROWTH_WINDOW")  # steps
    reference: int = symbol("GROWTH_REFERENCE")  # windows
    alarms: float = symbol("GROWTH_ALARMS")  # share of windows, (0, 1)

    def begin(self) -> VarianceTrigger:
        """A trigger that has seen nothing."""
        return VarianceTrigger(self.window, self.reference, self.alarms)


@dataclass
class Plateau:
    """Says, at the end of an epoch, whether validation has not improved for `patience` of them.

    To improve, the loss must fall by more than the share `margin` of the lowest that counted.
    """

    patience: int
    margin: float = 0.0
    lowest: float = math.inf
    waited: int = 0  # epochs

    def heed(self, loss: float) -> bool:
        """Take in a validation loss, in nats; whether the network is stuck."""
        better = loss < (1 - self.margin) * self.lowest
        self.waited = 0 if better else self.waited + 1
        self.lowest = loss if better else self.lowest
        return self.waited >= self.patience

    def restart(self) -> None:
        """Begin a new wait; the lowest loss is still the one to beat."""
        self.waited = 0


@kconfig_dataclass
class Standstill:
    """The symbols of the trigger by validation."""

    patience: int = symbol("GROWTH_PATIENCE")  # epochs
    margin: float = symbol("GROWTH_MARGIN")  # share of the lowest loss, [0, 1)

    def begin(self) -> Plateau:
        """A trigger that has seen nothing."""
        return Plateau(self.patience, self.margin)


@kconfig_dataclass
class GrowthSchedule:
    """At most `events` events, none after the share `stop` of all updates.

    By the clock they are as far apart as they can be, and the last is at the end of that share.
    With `noise` one comes whenever that fires, with `standstill` whenever validation is stuck.
    """

    events: int = symbol("GROWTH_EVENTS")
    stop: float = symbol("GROWTH_STOP")
    trigger: Literal["clock", "variance", "plateau"] = symbol("GROWTH_TRIGGER")
    noise: Noise | None = None
    standstill: Standstill | None = None

    @property
    def clock(self) -> bool:
        """Whether nothing but the step decides."""
        return self.trigger == "clock"

    def last(self, total: int) -> int:
        """The last of `total` updates that an event may follow: never the last of all."""
        return last_event(self.stop, total)

    def planned(self, step: int, total: int) -> int:
        """By the clock, how many events there are in the first `step` of `total` updates."""
        return min(step, self.last(total)) * self.events // self.last(total)

    def due(self, step: int, total: int, fired: bool, done: int) -> bool:
        """Whether an event follows update `step` (1 is the first), after `done` of them.

        `fired`: whether the trigger has; it counts for nothing by the clock.
        """
        if not self.clock:
            return fired and step <= self.last(total) and done < self.events
        return self.planned(step, total) > self.planned(step - 1, total)

    def left(self, step: int, total: int, done: int) -> int:
        """How many events there can still be after update `step`, one at `step` among them."""
        if step > self.last(total):
            return 0
        if not self.clock:
            return self.events - done
        return self.events - self.planned(step - 1, total)

    def check(self, total: int, epoch: int) -> None:
        """Raise CannotTrain if there cannot be an event, or by the clock not all.

        `total`: updates in all, `epoch`: in an epoch.
        """
        last, why = self.last(total), ""
        if self.noise is not None:
            first = self.noise.window * (self.noise.reference + 1)
            why = f"the trigger can first fire after step {first}" if first > last else ""
            cure = "CONFIG_GROWTH_WINDOW or CONFIG_GROWTH_REFERENCE"
        elif self.standstill is not None:
            first = epoch * (self.standstill.patience + 1)
            why = f"validation can first be stuck after step {first}" if first > last else ""
            cure = "CONFIG_GROWTH_PATIENCE"
        else:
            cure = "CONFIG_GROWTH_EVENTS"
            why = f"there are to be {self.events} events" if self.events > last else ""
        if why:
            raise CannotTrain(
                "growth_never_starts",
                f"{why}, but growth ends at {last} of {total} steps: lower {cure}, or raise "
                "CONFIG_GROWTH_STOP or CONFIG_NUM_EPOCHS",
            )
