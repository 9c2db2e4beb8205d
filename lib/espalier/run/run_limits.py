"""What limits a run of a sweep: attempts, time, size of packs, and which trials it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from espalier.run.packing.priority import NONE, Priority


@dataclass(frozen=True)
class RunLimits:
    """Attempts at a trial that ends in errors, seconds it may take (0: any), size of a pack.

    A `pack` of 0 is as large as a probe says. Whether a trial `waits` while memory is short.
    Trials with `priority` start first; with `only`, no other trial runs. At the moment `until` of
    `time.monotonic` all have ended.
    """

    attempts: int
    timeout: int
    pack: int
    waits: bool
    priority: Priority = NONE
    only: frozenset[int] = frozenset()
    until: float = math.inf

    def chosen(self, numbers: Iterable[int]) -> list[int]:
        """Return those of these trials that are to run."""
        return [number for number in numbers if not self.only or number in self.only]
