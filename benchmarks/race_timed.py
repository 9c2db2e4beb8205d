"""Imported before a race: the seconds that it spends on deciding are written to RACE_DECIDING.

Deciding is all that a race does between two rounds: to read the store, to judge, to add trials.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from espalier.run.races.race_supply import RaceSupply
from espalier.run.supplies import supply_choice
from espalier.run.supplies.supply import Growth, Vacancy


class TimedSupply(RaceSupply):
    """A supply that keeps how long it took, all rounds together."""

    seconds = 0.0

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Time it."""
        began = time.perf_counter()
        try:
            return super().__call__(vacancy)
        finally:
            self.seconds += time.perf_counter() - began
            Path(os.environ["RACE_DECIDING"]).write_text(str(self.seconds), encoding="utf-8")


setattr(supply_choice, "RaceSupply", TimedSupply)  # noqa: B010 - a benchmark looks inside
