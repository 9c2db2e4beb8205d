"""A sweep that another process runs, followed from its store: what has changed since the last look.

A look reads the attempts that ran or began at the last one, not all of them, so that to follow a
sweep of many trials costs it next to nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from espalier.core.trial import Status
from espalier.store.attempt import Attempt
from espalier.store.store import Store
from espalier.store.sweep_state import SweepStatus, lasted, running_tasks, seconds_of

Key = tuple[int, int]
"""Trial and number of an attempt."""


@dataclass(frozen=True)
class SweepLook:
    """How a sweep stands, and the attempts that have ended since the last look, in that order.

    `states` has the status of every trial by number.
    """

    status: SweepStatus
    states: Mapping[int, Status]
    ended: tuple[Attempt, ...]


class SweepFollower:
    """Looks at the store of a sweep again and again."""

    def __init__(self, store: Store) -> None:
        """Nothing has been read yet: the first look has all that has ended so far."""
        self._store = store
        self._names: dict[int, str] = {}
        self._tasks: dict[Key, tuple[int, float]] = {}
        self._together: Counter[tuple[int, float]] = Counter()
        self._ended: dict[Key, Attempt] = {}

    def name(self, number: int) -> str:
        """Return the name of a trial."""
        if number not in self._names:  # of a race, whose plan grows
            self._names = self._store.names()
        return self._names[number]

    def look(self) -> SweepLook:
        """Return how the sweep stands now."""
        keys = self._store.attempt_keys()
        read = [self._store.attempt(*key) for key in keys if key not in self._ended]
        self._tasks |= {(item.trial, item.attempt): item.task_key for item in read}
        self._together = Counter(self._tasks.values())
        running = [item for item in read if item.status is Status.RUNNING]
        ended = [item for item in read if item.status is not Status.RUNNING]
        self._ended |= {(item.trial, item.attempt): item for item in ended}
        states = self._store.states()
        status = self._status(Counter(states.values()), running)
        return SweepLook(status, states, tuple(sorted(ended, key=_moment)))

    def seconds(self, attempt: Attempt) -> float:
        """Return how long an attempt took, its share of the time if it was in a pack."""
        return seconds_of(attempt, self._together[attempt.task_key])

    def _status(self, counts: Mapping[Status, int], running: list[Attempt]) -> SweepStatus:
        names = {item.trial: self.name(item.trial) for item in running}
        tasks = running_tasks(running, names, self._together)
        seconds = [self.seconds(item) for item in self._ended.values() if lasted(item)]
        mean = sum(seconds) / len(seconds) if seconds else None
        return SweepStatus(counts, tuple(tasks), len(tasks), mean)


def _moment(attempt: Attempt) -> float:
    return attempt.finished or attempt.started
