"""Before a sweep starts: does this machine have what its trials need?

A missing data set or device is one line and nothing runs, instead of the same error for each trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from espalier.analysis.rank import sampling
from espalier.core.errors import UserError
from espalier.core.trial import Action, Result, Task, Trial
from espalier.run.pool import Executor
from espalier.run.workers.worker import HOPELESS
from espalier.run.workers.worker_process import Finished

NEEDS = ("DATA_VERIFY", "AMP", "SCRIPT", "SCRIPT_PATTERN")
"""What a trial needs of the machine depends on these symbols, the data set and its options."""
PAUSE = 0.1  # seconds: how late a wish to stop may be noticed


def check(
    executor: Executor,
    trials: Sequence[Trial],
    settings: Mapping[str, str],
    folder: Path,
    stopping: Callable[[], bool],
) -> None:
    """Let a worker check one trial of each kind. Raises UserError with what the machine lacks."""
    kinds = {tuple(sampling(trial, *NEEDS).items()): trial for trial in reversed(trials)}
    for trial in kinds.values():
        task = Task((trial,), dict(settings), (folder,), (0,), Action.PREFLIGHT)
        result = ask(executor, task, stopping)
        if result is not None and result.reason == HOPELESS:
            raise UserError(result.message)


def ask(
    executor: Executor, task: Task, stopping: Callable[[], bool] = lambda: False
) -> Result | None:
    """Return what a worker says about the trial of a task; None after a request to stop."""
    while not (idle := executor.idle()):
        if stopping():
            return None
        executor.wait(PAUSE)
    executor.submit(idle[0], task)
    while not stopping():
        for event in executor.wait(PAUSE):
            if isinstance(event, Finished):
                return event.result
    return None
