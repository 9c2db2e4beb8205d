"""The minutes that a sweep may take: what may start, so that all has ended when they are over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from espalier.core.trial import Trial
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
        self, until: float, costs: MeasuredCosts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Let trials end before `clock()` is `until`; `math.inf` is no limit."""
        self._until, self._costs, self._clock = until, costs, clock

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

    def add(self, trial: Trial, size: int, seconds: float) -> None:
        """Take in that a trial ended `seconds` after its task began, which had `size` trials."""
        if self.limited:
            self._costs.add(trial, size, seconds)

    def admits(self, trial: Trial) -> bool:
        """Return whether a trial may start now."""
        return not (self.limited and (self.spent or self._costs.seconds(trial) > self._left))

    def largest(self, trial: Trial) -> int:
        """Return the most trials like this one that may start now as one task, at least 1."""
        return self._costs.largest(trial, self._left) if self.limited else LARGEST


def open_budget(until: float, store: Store) -> TimeBudget:
    """Return the budget of a sweep, which knows what its trials have taken so far."""
    return TimeBudget(until, costs_of(store) if until < math.inf else MeasuredCosts())
