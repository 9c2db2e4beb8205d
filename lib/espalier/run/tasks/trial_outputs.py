"""The files of the trials of a sweep, and what it means if one cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from espalier.core.process import log_files, os_errors
from espalier.core.trial import Action, Result, Status, Task, Trial
from espalier.run.workers.worker import HOPELESS, PACK
from espalier.store.results_dir import STORE, SweepDir

BROKEN_TASK = f"{PACK}crash"
"""The reason for which trials that were to begin together are tried again, each alone."""


class TrialOutputs:
    """Writes what a runner leaves in the folders of trials."""

    def __init__(self, sweep: SweepDir) -> None:
        """Write into the folder of a sweep."""
        self._sweep = sweep

    def prepare(self, task: Task) -> dict[int, Result]:
        """Make the folders of the trials that a task trains; nothing is returned if all have one.

        Else each trial has a result: those beside one without a folder are tried again. Raises
        OSError if no trial of the sweep could have any.
        """
        refused = {}
        for number in task.due if task.action is Action.TRAIN else ():
            try:
                self._sweep.prepare(number)
            except OSError as error:
                refused[number] = Result(Status.ERROR, HOPELESS, self._blame(number, error))
        beside = Result(Status.ERROR, BROKEN_TASK, "a trial of the pack has no folder")
        return {number: refused.get(number, beside) for number in task.due if refused}

    def log_ending(self, number: int, result: Result) -> str:
        """Append to the log of a trial why it did not pass; return a note if that cannot be."""
        return self._write(number, lambda: self._sweep.log_ending(number, result))

    def write_metrics(self, trial: Trial, result: Result) -> str:
        """Write the training_metrics.json of a trial; return a note if that cannot be."""
        return self._write(trial.number, lambda: self._sweep.write_metrics(trial, result))

    def _write(self, number: int, write: Callable[[], None]) -> str:
        """Write a file of a trial; return a note if that cannot be: the store has it all."""
        try:
            try:
                write()
            except FileNotFoundError:  # the trial has deleted its folder
                self._sweep.prepare(number)
                write()
        except OSError as error:
            return f"note: {self._blame(number, error)}; the result is in {STORE} all the same"
        return ""

    def _blame(self, number: int, error: OSError) -> str:
        """Return what is wrong with the folder of a trial. Raises `error` if it is no fault of it.

        Without the folder of the sweep, or without files to open, no trial can run.
        """
        folder = self._sweep.folder
        if os_errors.is_shortage(error) or not os.access(folder / STORE, os.W_OK):
            raise error
        if not os.access(folder, os.W_OK):
            raise error
        place = os_errors.place(error, self._sweep.directory(number))
        return f"{place}: {os_errors.describe(error)}"


def keep_small(log: Path) -> None:
    """Cut a log that has become too long."""
    with suppress(OSError):  # then it cannot be appended to either, which is noted
        log_files.trim(log)
