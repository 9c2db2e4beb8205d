"""Measurements by workers: how many trials to train as one program, and how long they take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.core.trial import Action, Result, Status, Task, Trial
from espalier.run import cost_model
from espalier.run.packing.pack_queue import PROBE_TRIALS, pack_size
from espalier.run.pool import Executor
from espalier.run.workers.worker_process import Finished

TICK = 0.1
"""Seconds between two looks at the workers."""
PATIENCE = 120.0
"""Seconds for which a worker may be silent beyond what it was given."""
SECONDS = "MEASURE_SECONDS"
"""The setting that tells a worker how long it may measure."""


@dataclass(frozen=True)
class Measured:
    """What a worker answered about trials, and the bytes that they left on disk."""

    trials: tuple[Trial, ...]
    result: Result
    size: int


class SpeedProbe:
    """Gives measurements to every slot of an executor, side by side, as the sweep will run."""

    def __init__(
        self,
        executor: Executor,
        settings: Mapping[str, str],
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is for what the trials write."""
        self._executor, self._settings, self._folder = executor, dict(settings), folder
        self._clock = clock

    def pack_sizes(self, groups: Mapping[str, Sequence[Trial]], seconds: float) -> dict[str, int]:
        """Return how many trials of each shape one program is to train."""
        lists = [group[:PROBE_TRIALS] for group in groups.values()]
        answers = self._ask(Action.PROBE, lists, seconds)
        return {each.trials[0].shape: pack_size(each.result).size for each in answers}

    def speeds(self, packs: Sequence[Sequence[Trial]], seconds: float) -> list[Measured]:
        """Return how long each of `packs` takes, measured for so many `seconds`."""
        return self._ask(Action.MEASURE, packs, seconds)

    def _ask(
        self, action: Action, lists: Sequence[Sequence[Trial]], seconds: float
    ) -> list[Measured]:
        """Let workers answer for each list of trials; one that is silent is given up."""
        todo, running = list(lists), dict[int, tuple[Task, float]]()
        answers: list[Measured] = []
        while todo or running:
            for slot in self._executor.idle()[: len(todo)]:
                task = self._task(action, todo.pop(0), seconds)
                self._executor.submit(slot, task)
                running[slot] = task, self._clock()
            for event in self._executor.wait(TICK):
                if isinstance(event, Finished) and event.slot in running:
                    answers.append(_measured(running.pop(event.slot)[0], event.result))
            for slot, (task, since) in list(running.items()):
                if self._clock() - since > seconds + PATIENCE:
                    self._executor.kill(slot)
                    answers.append(_measured(task, _late(self._clock() - since)))
                    del running[slot]
        return answers

    def _task(self, action: Action, trials: Sequence[Trial], seconds: float) -> Task:
        folders = tuple(Path(tempfile.mkdtemp(dir=self._folder)) for _ in trials)
        settings = {**self._settings, SECONDS: f"{seconds:g}"}
        return Task(tuple(trials), settings, folders, (1,) * len(trials), action)


def _late(seconds: float) -> Result:
    return Result(Status.ERROR, "timeout", f"no answer within {seconds:.0f} s")


def _measured(task: Task, result: Result) -> Measured:
    size = sum(cost_model.folder_size(folder) for folder in task.directories)
    return Measured(task.trials, result, size)
