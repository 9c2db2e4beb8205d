"""The attempts of a running sweep in its store: begun, how far they are, ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from espalier.core.trial import Record, Task, Trial
from espalier.run.tasks.busy_slot import BusySlot, Ended
from espalier.run.tasks.trial_outputs import keep_small
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import SweepDir

PROGRESS_INTERVAL = 1.0
"""Seconds between two records of progress in the store."""
_Progress = tuple[int, int, Record]
"""The number of a trial, that of the attempt, and its last record."""


class AttemptRecords:
    """Records attempts in the store of a sweep. Its methods but `unsaved` want a transaction."""

    def __init__(self, sweep: SweepDir) -> None:
        """Record in the store of `sweep`; progress is due in a second."""
        self._sweep, self._store = sweep, sweep.store
        self._settings = sweep.store.header.settings
        self._progress_saved = time.monotonic()

    def begin(self, trials: Sequence[Trial], process: int, device: str, until: int) -> Task:
        """Begin an attempt at each of some trials; return the task of training them together."""
        attempts = self._store.begin([trial.number for trial in trials], process, device)
        directories = tuple(self._sweep.directory(trial.number) for trial in trials)
        settings, numbers = self._settings, tuple(attempts.values())
        return Task(tuple(trials), settings, directories, numbers, until=until)

    def finish(self, ended: Iterable[Ended]) -> None:
        """Record what came of trials."""
        for busy, trial, result in ended:
            self._store.finish(trial.number, busy.attempt(trial.number), result, busy.began)

    def forget(self, tasks: Iterable[Task]) -> None:
        """Take back that tasks in line have begun."""
        for task in tasks:
            self._store.forget(task.trial.number, task.attempts[0])

    def unsaved(self, slots: Collection[BusySlot]) -> list[_Progress]:
        """Return the progress that is due to be recorded: nothing within a second of the last."""
        if time.monotonic() - self._progress_saved < PROGRESS_INTERVAL:
            return []
        self._progress_saved = time.monotonic()
        for busy in slots:
            keep_small(busy.log)
        return [each for busy in slots for each in busy.unsaved()]

    def save(self, progress: Iterable[_Progress]) -> None:
        """Record how far attempts are."""
        for number, attempt, record in progress:
            self._store.progress(number, attempt, record)

    @contextmanager
    def kept_if_locked(self, ended: Sequence[Ended]) -> Iterator[None]:
        """Keep what ended in a file if another program still has the store when we must stop."""
        try:
            yield
        except StoreBusyError:
            endings = [(trial.number, busy.attempt(trial.number), r) for busy, trial, r in ended]
            self._sweep.keep_unrecorded(endings)
            raise
