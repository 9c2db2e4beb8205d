"""The slots of an executor that are at work, and the tasks that are broken off in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from espalier.core.trial import Record, Result, Task, Trial
from espalier.run.tasks.busy_slot import BusySlot

BrokenOff = tuple[int, int, Result]
"""The slot of a trial that was broken off, its number, and its result."""


class BusySlots:
    """The tasks under way, by slot."""

    def __init__(self, kill: Callable[[int], None], limit: int) -> None:
        """Nothing is under way; `kill` ends the task of a slot without an event.

        A task may take `limit` seconds a trial, 0: as long as it takes.
        """
        self._kill, self._limit = kill, limit
        self._slots: dict[int, BusySlot] = {}

    def __bool__(self) -> bool:
        return bool(self._slots)

    def __iter__(self) -> Iterator[int]:
        return iter(self._slots)

    @property
    def tasks(self) -> Collection[BusySlot]:
        """The tasks under way."""
        return self._slots.values()

    @property
    def numbers(self) -> dict[int, list[int]]:
        """The numbers of the trials that run, by slot."""
        return {slot: busy.open for slot, busy in self._slots.items()}

    def begin(self, slot: int, task: Task, in_line: bool = False) -> None:
        """Let a task begin; one that was `in_line` is in the store since some time before."""
        self._slots[slot] = BusySlot(task, in_line)

    def record(self, slot: int, number: int, record: Record) -> None:
        """Keep the progress record that a trial has emitted."""
        self._slots[slot].record(number, record)

    def end(self, slot: int, number: int) -> tuple[BusySlot, Trial]:
        """Let a trial end; return it with its task. The slot is free after the last of a task."""
        busy = self._slots[slot]
        trial = busy.end(number)
        if not busy.open:
            del self._slots[slot]
        return busy, trial

    def break_off_at_rung(self, results: Mapping[int, Result]) -> list[BrokenOff]:
        """Break off the tasks of the trials that go no further now and still run.

        `results` are theirs, by trial; the others of a task get the same.
        """
        slots = {number: slot for slot, numbers in self.numbers.items() for number in numbers}
        ending = [(slots[number], each) for number, each in results.items() if number in slots]
        return [each for slot, result in ending for each in self._break_off(slot, result)]

    def break_off_late(self) -> list[BrokenOff]:
        """Break off the tasks that have taken too long."""
        late = [(slot, busy) for slot, busy in self._slots.items() if busy.late(self._limit)]
        broken = [self._break_off(slot, busy.timeout(self._limit)) for slot, busy in late]
        return [each for task in broken for each in task]

    def _break_off(self, slot: int, result: Result) -> list[BrokenOff]:
        """Kill the workers of a slot; return all of its trials that still run."""
        self._kill(slot)
        return [(slot, number, result) for number in self._slots[slot].open]
