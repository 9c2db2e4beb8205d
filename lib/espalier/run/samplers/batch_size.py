"""How many configurations a sampler that learns proposes at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

AHEAD = 3
"""After n results at most n/3 configurations are at work that were proposed without each other."""


@dataclass(frozen=True)
class FreeSlots:
    """What could train at the same time, and the trials `at_work`.

    There are so many `workers`, trials in a `pack` and `seeds` of a configuration.
    """

    workers: int
    pack: int
    seeds: int
    at_work: int


def batch_size(left: int, ended: int, room: FreeSlots, fixed: int) -> int:
    """Return how many of the configurations that are `left` to propose now; `ended` have a result.

    A `fixed` number waits until nothing is at work. Else as many as fill the packs of all workers,
    but few beside those that ended: what is proposed together knows nothing of each other.
    """
    if fixed:
        return 0 if room.at_work else min(fixed, left)
    filling = math.ceil(room.workers * room.pack / room.seeds)
    busy = math.ceil(room.workers / room.seeds)  # so that no worker is idle
    more = min(filling, max(busy, ended // AHEAD)) - room.at_work // room.seeds
    return max(0, min(more, left))
