"""The minutes that a sweep may take: what may start, so that all has ended when they are over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from espalier.core.trial import Trial
from espalier.plan.stopping.stop_rules import epochs_of
from espalier.run.budgets.measured_costs import MeasuredCosts, costs_of
from espalier.run.packing.pack_queue import LARGEST
from espalier.store.store import Store

EXIT_OVER = 75
"""The exit code of a sweep whose time was over before its trials; `sysexits.h` has it as an
invitation to try again later."""


class TimeBudget:
    """Decides which trials may start, by what trials were measured to take.

    What nothing is known of may start as long as any time is left.
    """

    def __init__(
        self,
        until: float,
        costs: MeasuredCosts,
        leg: Callable[[Trial], int] = epochs_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let trials end before `clock()` is `until`; `math.inf` is no limit.

        `leg` gives the epochs that a trial would train now: to its end, or to its next rung.
        """
        self._until, self._costs, self._leg, self._clock = until, costs, leg, clock

    @property
    def _left(self) -> float:
        return self._until - self._clock()

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self._left <= 0

    @property
    def spent(self) -> bool:
        """Whether no trial could start any more."""
        return self._costs.least > self._left

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._until < math.inf

    def add(self, trial: Trial, size: int, seconds: float, limit: int = 0) -> None:
        """Take in that a trial ended `seconds` after its task began, which had `size` trials.

        It has trained its leg, or `limit` epochs if that is less and not 0.
        """
        if self.limited:
            leg = self._leg(trial)
            self._costs.add(trial, size, seconds, min(leg, limit or leg))

    def admits(self, trial: Trial) -> bool:
        """Return whether a trial may start now."""
        if not self.limited:
            return True
        return not self.spent and self._costs.seconds(trial, self._leg(trial)) <= self._left

    def largest(self, trial: Trial) -> int:
        """Return the most trials like this one that may start now as one task, at least 1."""
        if not self.limited:
            return LARGEST
        return self._costs.largest(trial, self._left, self._leg(trial))


def open_budget(until: float, store: Store, leg: Callable[[Trial], int]) -> TimeBudget:
    """Return the budget of a sweep, which knows what its trials have taken so far."""
    return TimeBudget(until, costs_of(store) if until < math.inf else MeasuredCosts(), leg)
