"""When neurons are replaced: events at a fixed interval, at a rate that may fall to nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
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


@dataclass(frozen=True)
class EventWindow:
    """The steps of a run after which an event may begin: the first `stop` of each task.

    A run of `total` steps has tasks of `task` steps, the last of which may be shorter; 0 for
    `total` is a run without an end, in which events may always begin.
    """

    stop: float = 1.0  # share, (0, 1]
    task: int = 0
    total: int = 0

    def is_open(self, step: int) -> bool:
        """Return whether an event may begin after update `step` (1 is the first)."""
        if not self.total:
            return True
        start = (step - 1) // self.task * self.task
        return step <= start + self._open(start)

    def tasks(self) -> Iterator[tuple[int, int, int]]:
        """Yield of each task the steps before it, its last open step, and its last step."""
        for start in range(0, self.total, self.task):
            yield start, start + self._open(start), min(start + self.task, self.total)

    def _open(self, start: int) -> int:
        return math.floor(round(self.stop * min(self.task, self.total - start), 6))


@kconfig_dataclass
class EventEnd:
    """The share of the run, or of each task where data shift, after which no event begins."""

    stop: float = symbol("APOPTOSIS_STOP")
    task_epochs: int | None = symbol("SHIFT_EPOCHS")

    def window(self, length: RunLength) -> EventWindow:
        """Return the steps at which events may begin."""
        epochs = min(self.task_epochs or length.epochs, length.epochs)
        return EventWindow(self.stop, epochs * length.steps_per_epoch, length.total_steps)


@kconfig_dataclass
class EventSchedule(RunSchedule):
    """Events of the methods that replace a share of the neurons."""

    rate: float = symbol("APOPTOSIS_RATE")
    interval: int = symbol("APOPTOSIS_INTERVAL")
    annealing: Annealing
    end: EventEnd

    @property
    def steps_taken(self) -> int:
        """How many steps an event takes after the one that it begins at."""
        return 0

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if no event comes before the last step."""
        if next(self._last_events(length), None) is None:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"no event would come before step {length.total_steps}, the run's last: lower the "
                f"interval ({self.interval}), or raise CONFIG_NUM_EPOCHS or CONFIG_APOPTOSIS_STOP "
                f"({self.end.stop:g}); a rate of 0, or no room to grow, is never",
            )

    @override
    def rest(self, length: RunLength) -> Rest | None:
        lefts = [end - step - self.steps_taken for step, end in self._last_events(length)]
        return Rest(min(lefts), self.interval, "APOPTOSIS_STOP") if lefts else None

    def first_event(self, length: RunLength) -> int:
        """Return the first step at which an event may begin; `check_steps` says there is one."""
        window = self.end.window(length)
        steps = range(self.interval, length.total_steps, self.interval)
        return next((step for step in steps if window.is_open(step)), self.interval)

    def _last_events(self, length: RunLength) -> Iterator[tuple[int, int]]:
        """Yield the last event, and the last step, of each task that has an event."""
        anneal_steps = self.annealing.steps(length.total_steps)
        latest = min(length.total_steps, anneal_steps or length.total_steps) - 1
        for start, closes, end in self.end.window(length).tasks():
            step = min(closes, latest) // self.interval * self.interval
            if step > start and annealed_rate(self.rate, step, anneal_steps) > 0:
                yield step, end


@kconfig_dataclass
class GrowthEventSchedule(EventSchedule):
    """Events of the method that only adds neurons."""

    rate: float = symbol("APOPTOSIS_GROWTH_RATE")
    interval: int = symbol("APOPTOSIS_GROWTH_INTERVAL")


@kconfig_dataclass
class TurnoverEventSchedule(EventSchedule):
    """Events of the method that replaces few neurons at a time."""

    rate: float = symbol("APOPTOSIS_TURNOVER_RATE")
    interval: int = symbol("APOPTOSIS_TURNOVER_INTERVAL")


@kconfig_dataclass
class HybridEventSchedule(EventSchedule):
    """Events of the method in which as many neurons are born as die."""

    rate: float = symbol("APOPTOSIS_HYBRID_TURNOVER_RATE")
    interval: int = symbol("APOPTOSIS_HYBRID_INTERVAL")


@kconfig_dataclass
class PreservingEventSchedule(EventSchedule):
    """Events of the method that hands over what the dying did, step by step."""

    preservation_steps: int = symbol("APOPTOSIS_FUNCTIONAL_PRESERVATION_STEPS")

    @property
    @override
    def steps_taken(self) -> int:
        return self.preservation_steps


@kconfig_dataclass
class FadeEventSchedule(EventSchedule):
    """Events of the method in which the dying fade."""

    steps: int = symbol("APOPTOSIS_FADE_STEPS")

    @property
    @override
    def steps_taken(self) -> int:
        return self.steps
