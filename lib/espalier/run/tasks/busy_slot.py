"""A slot of an executor while it is at work: its task, and the trials of it that still run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from espalier.core.records import EpochRecord
from espalier.core.trial import Record, Result, Status, Task, Trial
from espalier.run.workers.worker import PACK, of_several
from espalier.store.sweep_state import TaskProgress, pack_name


class BusySlot:
    """A task under way: the trials that began together, and which of them still run."""

    def __init__(self, task: Task, in_line: bool = False) -> None:
        """The task begins now; one that was `in_line` is in the store since some time before."""
        self.began = time.time() if in_line else None
        self.size, self.name, self.shape = len(task.trials), task.trial.name, task.trial.shape
        self.log = task.log
        self._trials = {trial.number: trial for trial in task.trials}  # those that still run
        self._attempts = dict(zip(self._trials, task.attempts, strict=True))
        self._records: dict[int, Record] = {}
        self._unsaved: set[int] = set()
        self._started = time.monotonic()

    @property
    def open(self) -> list[int]:
        """The numbers of the trials that still run."""
        return list(self._trials)

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._started

    @property
    def seconds_per_trial(self) -> float:
        """The share of a trial in the time that the task has taken."""
        return self.elapsed / self.size

    @property
    def progress(self) -> TaskProgress:
        """How far the task is, going by the first trial that still runs."""
        first, left = next(iter(self._trials.values())), len(self._trials)
        record = EpochRecord.from_json(self._records.get(first.number, {}))
        return TaskProgress(pack_name(first.name, left), record, self.elapsed, self.size, left)

    @property
    def trials_left(self) -> float:
        """What is still to do, in trials."""
        return len(self._trials) * (1 - self.progress.share)

    def attempt(self, number: int) -> int:
        """Return which attempt at a trial this is, from 1."""
        return self._attempts[number]

    def record(self, number: int, record: Record) -> None:
        """Keep the progress record that a trial has emitted."""
        self._records[number] = record
        self._unsaved.add(number)

    def unsaved(self) -> list[tuple[int, int, Record]]:
        """Return trial, attempt and record of the progress since the last call of this."""
        numbers = [number for number in self._trials if number in self._unsaved]
        self._unsaved.clear()
        return [(number, self._attempts[number], self._records[number]) for number in numbers]

    def end(self, number: int) -> Trial:
        """Let a trial end; return it."""
        return self._trials.pop(number)

    def late(self, limit: int) -> bool:
        """Return whether it has taken more than `limit` seconds a trial; 0 is no limit."""
        return bool(limit) and self.elapsed > limit * self.size

    def timeout(self, limit: int) -> Result:
        """Return the result of the trials that still run when their time is over."""
        each = f" for {self.size} trials" if self.size > 1 else ""
        message = f"stopped after {limit * self.size} s, the limit that CONFIG_TRIAL_TIMEOUT sets"
        return of_several(self.size, Result(Status.ERROR, "timeout", message + each))


Ended = tuple[BusySlot, Trial, Result]
"""A trial that has ended: the task that it was in, the trial and its result."""


def broken_packs(ended: Iterable[Ended]) -> Iterator[str]:
    """Yield a line for each pack that came to its end before its trials did."""
    lost: dict[int, list[Ended]] = {}
    for task, trial, result in ended:
        if result.reason.startswith(PACK):
            lost.setdefault(id(task), []).append((task, trial, result))
    for several in lost.values():
        task, _, result = several[0]
        what = f"{pack_name(task.name, task.size)}: {result.reason}: {result.message}"
        yield f"note: {what} ({len(several)} to be run again)"
