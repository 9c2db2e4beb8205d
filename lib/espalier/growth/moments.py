"""When a network grows: by the clock, or when its gradient has become noisier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from espalier.component import symbol
from espalier.contracts import CannotTrain
from espalier.growth.variance import VarianceTrigger


@dataclass(frozen=True)
class Noise:
    """The symbols of the trigger by the gradient's variance."""

    window: int = symbol("GROWTH_WINDOW", 64)  # steps
    reference: int = symbol("GROWTH_REFERENCE", 4)  # windows
    alarms: float = symbol("GROWTH_ALARMS", 0.005)  # share of windows, (0, 1)

    def begin(self) -> VarianceTrigger:
        """A trigger that has seen nothing."""
        return VarianceTrigger(self.window, self.reference, self.alarms)


@dataclass(frozen=True)
class Moments:
    """At most `events` events, none after the share `stop` of all updates.

    By the clock they are as far apart as they can be, and the last is at the end of that share.
    With `noise` one comes whenever that fires.
    """

    events: int = symbol("GROWTH_EVENTS", 6)
    stop: float = symbol("GROWTH_STOP", 0.6)
    trigger: Literal["clock", "variance"] = symbol("GROWTH_TRIGGER", "clock")
    noise: Noise | None = None

    def last(self, total: int) -> int:
        """The last of `total` updates that an event may follow: never the last of all."""
        return min(total - 1, int(round(self.stop * total, 6)))

    def planned(self, step: int, total: int) -> int:
        """By the clock, how many events there are in the first `step` of `total` updates."""
        return min(step, self.last(total)) * self.events // self.last(total)

    def due(self, step: int, total: int, fired: bool, done: int) -> bool:
        """Whether an event follows update `step` (1 is the first), after `done` of them.

        `fired`: whether the trigger has; it counts for nothing by the clock.
        """
        if self.noise is not None:
            return fired and step <= self.last(total) and done < self.events
        return self.planned(step, total) > self.planned(step - 1, total)

    def left(self, step: int, total: int, done: int) -> int:
        """How many events there can still be after update `step`, one at `step` among them."""
        if step > self.last(total):
            return 0
        if self.noise is not None:
            return self.events - done
        return self.events - self.planned(step - 1, total)

    def check(self, total: int) -> None:
        """Raise CannotTrain if there cannot be as many events as are asked for."""
        if self.noise is not None:
            first = self.noise.window * (self.noise.reference + 1)
            if first > self.last(total):
                raise CannotTrain(
                    "growth_never_starts",
                    f"the trigger can first fire after step {first}, but growth ends at "
                    f"{self.last(total)} of {total} steps: lower CONFIG_GROWTH_WINDOW or "
                    "CONFIG_GROWTH_REFERENCE, or raise CONFIG_GROWTH_STOP or CONFIG_NUM_EPOCHS",
                )
        elif self.events > self.last(total):
            raise CannotTrain(
                "growth_never_starts",
                f"CONFIG_GROWTH_EVENTS={self.events} do not fit into the first "
                f"{self.last(total)} of {total} steps: lower it, or raise CONFIG_GROWTH_STOP or "
                "CONFIG_NUM_EPOCHS",
            )
