"""The state of a sweep: trials by status, running tasks, and the time to the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from espalier.core.records import EpochRecord
from espalier.core.trial import RUNG, Status
from espalier.store.attempt import TAKEN_OVER, Attempt, count_per_task
from espalier.store.store import Store


@dataclass(frozen=True)
class TaskProgress:
    """The progress of a running task; that of a pack is the progress of its first trial.

    `record` is its last progress record, `elapsed` the seconds since it began. Of `size` trials
    that began together `left` have not ended.
    """

    name: str
    record: EpochRecord
    elapsed: float
    size: int = 1
    left: int = 1

    @property
    def share(self) -> float:
        """The share of its epochs that are done, 0..1."""
        epoch, epochs = self.record.epoch, self.record.epochs
        return epoch / epochs if epoch is not None and epochs else 0.0


@dataclass(frozen=True)
class SweepStatus:
    """The trials of a sweep by status, the tasks that run, and the time to the end."""

    counts: Mapping[Status, int]
    running: tuple[TaskProgress, ...]
    workers: int
    mean: float | None  # seconds a trial takes, or its share of a pack; None if unknown

    @property
    def total(self) -> int:
        """The number of trials in the sweep."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """The number of trials that have ended."""
        open_trials = (self.counts.get(status, 0) for status in (Status.NOTRUN, Status.RUNNING))
        return self.total - sum(open_trials)

    @property
    def eta(self) -> float | None:
        """Seconds to the end, from measured durations; None before there are any."""
        started = [task for task in self.running if task.share > 0]
        means = [task.elapsed / task.share / task.size for task in started]
        mean = self.mean if self.mean is not None else sum(means) / len(means) if means else None
        if mean is None:
            return 0.0 if self.done == self.total else None
        left = [_seconds_left(task, mean) for task in self.running]
        waiting = self.counts.get(Status.NOTRUN, 0)
        busy = max(1, min(self.workers, waiting + len(left)))
        return max([(sum(left) + waiting * mean) / busy, *left])


def _seconds_left(task: TaskProgress, mean: float) -> float:
    expected = task.elapsed / task.share if task.share > 0 else mean * task.size
    return max(0.0, expected - task.elapsed)


class StatusTracker:
    """The status of every trial, kept up to date by the runner."""

    def __init__(self, store: Store) -> None:
        """Read the status of every trial from the store."""
        self._store = store
        self.read()

    def read(self) -> None:
        """Read the store again, whose plan has grown."""
        store = self._store
        self._states = store.states()
        self._counts = Counter(self._states.values())
        attempts = store.attempts()
        together = count_per_task(attempts)
        durations = [seconds_of(item, together[item.task_key]) for item in attempts if lasted(item)]
        self._seconds, self._ended = sum(durations), len(durations)

    def set(self, number: int, status: Status) -> None:
        """Change the status of a trial."""
        self._counts[self._states[number]] -= 1
        self._counts[status] += 1
        self._states[number] = status

    def add_duration(self, seconds: float) -> None:
        """Count a conclusive attempt that took `seconds`, its share if it was in a pack."""
        self._seconds += seconds
        self._ended += 1

    def summary(self, running: Iterable[TaskProgress], workers: int) -> SweepStatus:
        """Return the status of the sweep while the tasks `running` run."""
        mean = self._seconds / self._ended if self._ended else None
        return SweepStatus(dict(self._counts), tuple(running), workers, mean)


def lasted(attempt: Attempt) -> bool:
    """Return whether an attempt tells how long a trial of its sweep takes.

    That by which a trial is stopped at a rung trains nothing.
    """
    trained = attempt.round != TAKEN_OVER and attempt.reason != RUNG
    return bool(attempt.finished) and attempt.conclusive and trained


def seconds_of(attempt: Attempt, together: int) -> float:
    """Return the share of an attempt in the time of its task, in which so many began together."""
    return ((attempt.finished or attempt.started) - attempt.started) / together


def status_in(store: Store) -> SweepStatus:
    """Return the status of a sweep from its store alone, for a reader beside the runner."""
    attempts = store.attempts()
    running = running_tasks(attempts, store.names(), count_per_task(attempts))
    return StatusTracker(store).summary(running, len(running))


def running_tasks(
    attempts: Iterable[Attempt],
    names: Mapping[int, str],
    together: Mapping[tuple[int, float], int],
) -> list[TaskProgress]:
    """Return the tasks of those of `attempts` that run, by the names of their trials.

    `together` says how many trials began with each task.
    """
    tasks: dict[tuple[int, float], list[Attempt]] = {}
    for attempt in attempts:
        if attempt.status is Status.RUNNING:
            tasks.setdefault(attempt.task_key, []).append(attempt)
    return [
        TaskProgress(
            pack_name(names[group[0].trial], len(group)),
            EpochRecord.from_json(group[0].progress),
            _since(group[0]),
            together[task],
            len(group),
        )
        for task, group in tasks.items()
    ]


def pack_name(first: str, count: int) -> str:
    """Return `config_001` for one trial, `config_001 +15` for 16 that run together."""
    return first if count == 1 else f"{first} +{count - 1}"


def _since(attempt: Attempt) -> float:
    return max(0.0, time.time() - attempt.started)
