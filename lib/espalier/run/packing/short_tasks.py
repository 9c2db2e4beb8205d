"""Short trials: several begin at once for a slot, so that they wait for the disk once together.

A record is safe when the disk says so, which takes some milliseconds. Where trials take less, that
would be most of a sweep. So the next ones of a slot begin in the same transaction, and what comes
of them is recorded in one too, a fiftieth of a second later at the most.
"""

from __future__ import annotations

from collections import deque

from espalier.core.trial import Task

TOGETHER = 0.02
"""Seconds of trials that are recorded in one transaction."""
LONG = 0.1
"""Seconds after which a task was no short one, and those behind it go to the next free slot."""
SEEN, MOST = 16, 64
"""Tasks whose mean says how long the next take, and tasks in line for a slot at the most."""


class ShortTasks:
    """Tasks that have begun and are in line for the worker of their slot."""

    def __init__(self) -> None:
        """Nothing is in line, and nothing is known of how long tasks take."""
        self._lines: dict[int, deque[Task]] = {}
        self._recent = deque[float](maxlen=SEEN)

    def __bool__(self) -> bool:
        return any(self._lines.values())

    def add_duration(self, seconds: float) -> None:
        """Take in how long a task took."""
        self._recent.append(seconds)

    def room(self, waiting: int, slots: int) -> int:
        """Return how many more tasks may begin with one, of `waiting` that `slots` share."""
        if len(self._recent) < SEEN:
            return 0
        mean = sum(self._recent) / SEEN
        return min(MOST, waiting // slots, int(TOGETHER / max(mean, TOGETHER / MOST)))

    def put(self, slot: int, task: Task) -> None:
        """Let a task wait for the worker of a slot."""
        self._lines.setdefault(slot, deque()).append(task)

    def take(self, slot: int) -> Task | None:
        """Return the next task of a slot, which leaves the line; None if there is none."""
        line = self._lines.get(slot)
        return line.popleft() if line else None

    def numbers(self) -> list[int]:
        """Return the numbers of the trials in line."""
        return [task.trial.number for line in self._lines.values() for task in line]

    def clear(self) -> list[Task]:
        """Let all leave their lines; return them."""
        tasks = [task for line in self._lines.values() for task in line]
        self._lines.clear()
        return tasks
