"""How many configurations a sampler that learns proposes at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

AHEAD = 3
"""After n results at most n/3 configurations are at work that were proposed without each other."""


@dataclass(frozen=True)
class Room:
    """What could train at the same time: `workers`, trials in a `pack`, `seeds` a configuration."""

    workers: int
    pack: int
    seeds: int


def batch_size(left: int, at_work: int, ended: int, room: Room, fixed: int) -> int:
    """Return how many of the configurations that are `left` to propose now.

    `at_work` of them have no result yet, `ended` have. A `fixed` number waits for all results of
    the last ones. Else as many as fill the packs of all workers, but few beside those that ended:
    what is proposed together knows nothing of each other.
    """
    if fixed:
        return 0 if at_work else min(fixed, left)
    filling = math.ceil(room.workers * room.pack / room.seeds)
    busy = math.ceil(room.workers / room.seeds)  # so that no worker is idle
    return max(0, min(filling, max(busy, ended // AHEAD), left + at_work) - at_work)
