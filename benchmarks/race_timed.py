"""Imported before a race: the seconds that it spends on deciding are written to RACE_DECIDING.

Deciding is all that a race does between two rounds: to read the store, to judge, to add trials.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from espalier.core.trial import Trial
from espalier.run import launch
from espalier.run.pool import Executor
from espalier.run.races.race_supply import RaceSupply


class TimedSupply(RaceSupply):
    """A supply that keeps how long it took, all rounds together."""

    seconds = 0.0

    def __call__(
        self, executor: Executor, pack_size: Callable[[str], int]
    ) -> tuple[list[Trial], list[str]]:
        """Time it."""
        began = time.perf_counter()
        try:
            return super().__call__(executor, pack_size)
        finally:
            self.seconds += time.perf_counter() - began
            Path(os.environ["RACE_DECIDING"]).write_text(str(self.seconds), encoding="utf-8")


setattr(launch, "RaceSupply", TimedSupply)  # noqa: B010 - a benchmark looks inside
