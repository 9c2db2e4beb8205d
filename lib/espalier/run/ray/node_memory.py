"""Which idle slots of a cluster may begin a trial: as the free memory of each node allows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter

from espalier.run.admission import beside_busy
from espalier.run.ray.remote_slot import RemoteSlot


def affordable(slots: Mapping[int, RemoteSlot]) -> list[int]:
    """Return the idle slots that memory allows beside the busy ones, on each node at least one."""
    warm = [(slot.node.address, number) for number, slot in slots.items() if slot.warm]
    largest = max((slot.memory.peak for slot in slots.values()), default=0)
    chosen: list[int] = []
    for _, group in groupby(sorted(warm), itemgetter(0)):
        here = [number for _, number in group]
        idle = [number for number in here if slots[number].idle]
        busy = [number for number in here if not slots[number].idle]
        room = max((slots[number] for number in here), key=lambda slot: slot.heard).memory.free
        growth = [largest - slots[number].memory.now for number in (*busy, *idle)]
        count = beside_busy(growth, len(busy), room)
        chosen += idle[: max(count, 0 if busy else 1)]
    return sorted(chosen)
