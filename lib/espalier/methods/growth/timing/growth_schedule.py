"""The schedule of growth: by the clock, when the gradient becomes noisier, or at a plateau."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import last_event


@kconfig_dataclass
class VarianceOptions:
    """Symbols of the trigger by the gradient's variance."""

    window: int = symbol("GROWTH_WINDOW")  # steps
    reference: int = symbol("GROWTH_REFERENCE")  # windows
    alarms: float = symbol("GROWTH_ALARMS")  # share of windows, (0, 1)


@dataclass
class Plateau:
    """A trigger that fires when validation has not improved for `patience` epochs.

    To improve, the loss must fall by more than the share `margin` of the lowest that counted.
    """

    patience: int
    margin: float = 0.0
    lowest: float = math.inf
    waited: int = 0  # epochs

    def update(self, loss: float) -> bool:
        """Take in a validation loss, in nats, and return whether the network is stuck."""
        better = loss < (1 - self.margin) * self.lowest
        self.waited = 0 if better else self.waited + 1
        self.lowest = loss if better else self.lowest
        return self.waited >= self.patience

    def restart(self) -> None:
        """Begin a new wait; the lowest loss is still the one to beat."""
        self.waited = 0


@kconfig_dataclass
class PlateauOptions:
    """Symbols of the trigger by validation."""

    patience: int = symbol("GROWTH_PATIENCE")  # epochs
    margin: float = symbol("GROWTH_MARGIN")  # share of the lowest loss, [0, 1)

    def trigger(self) -> Plateau:
        """Return a trigger without a history."""
        return Plateau(self.patience, self.margin)


@kconfig_dataclass
class GrowthSchedule(RunSchedule):
    """At most `events` events, none after the share `stop` of all updates.

    By the clock they are as far apart as they can be, and the last is at the end of that share.
    With `variance` one comes whenever the gradient becomes noisier, with `plateau` whenever
    validation is stuck.
    """

    events: int = symbol("GROWTH_EVENTS")
    stop: float = symbol("GROWTH_STOP")
    trigger: Literal["clock", "variance", "plateau"] = symbol("GROWTH_TRIGGER")
    variance: VarianceOptions | None = None
    plateau: PlateauOptions | None = None

    @property
    def by_clock(self) -> bool:
        """Whether the step alone decides."""
        return self.trigger == "clock"

    def last_step(self, total: int) -> int:
        """Return the last of `total` updates that an event may follow: never the last of all."""
        return last_event(self.stop, total)

    def events_planned(self, step: int, total: int) -> int:
        """Return, by the clock, how many events fall in the first `step` of `total` updates."""
        return min(step, self.last_step(total)) * self.events // self.last_step(total)

    def is_due(self, step: int, total: int, fired: bool, done: int) -> bool:
        """Return whether an event follows update `step` (1 is the first), after `done` events.

        `fired`: whether the trigger has, which by the clock is ignored.
        """
        if not self.by_clock:
            return fired and step <= self.last_step(total) and done < self.events
        return self.events_planned(step, total) > self.events_planned(step - 1, total)

    def events_left(self, step: int, total: int, done: int) -> int:
        """Return how many events there can still be from update `step` on, it included."""
        if step > self.last_step(total):
            return 0
        if not self.by_clock:
            return self.events - done
        return self.events - self.events_planned(step - 1, total)

    @override
    def rest(self, length: RunLength) -> Rest | None:
        """Take the last step that an event may follow, and events as far apart as by the clock.

        A single event has no interval: half of the way to it stands for one.
        """
        last = self.last_step(length.total_steps)
        interval = last // max(2, self.events)
        return Rest(length.total_steps - last, interval, "GROWTH_STOP") if self.events else None

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if there cannot be an event, or by the clock not all."""
        total, epoch = length.total_steps, length.steps_per_epoch
        last, why = self.last_step(total), ""
        if self.variance is not None:
            first = self.variance.window * (self.variance.reference + 1)
            why = f"the trigger can first fire after step {first}" if first > last else ""
            cure = "CONFIG_GROWTH_WINDOW or CONFIG_GROWTH_REFERENCE"
        elif self.plateau is not None:
            first = epoch * (self.plateau.patience + 1)
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
