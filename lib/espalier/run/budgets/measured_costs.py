"""What trials of a sweep were measured to take, and what others will take at most by that."""

from __future__ import annotations

import math
from collections.abc import Hashable
from itertools import groupby
from typing import NamedTuple

from espalier.core.trial import EPOCHS, Trial
from espalier.run.cost_model import NOISE
from espalier.store.store import Store
from espalier.store.sweep_state import lasted

SHORTEST = 1e-9
"""Seconds below which no task is: a clock may say 0."""


class _Task(NamedTuple):
    """The trials that were trained as one program, and the epochs of each."""

    size: int
    epochs: int


_Times = dict[_Task, float]
"""The longest that was seen of each kind of task, in seconds."""


class MeasuredCosts:
    """The longest that tasks have taken, by what their trials are.

    More trials in a task take longer, and never longer than in proportion. So it is with epochs.
    """

    def __init__(self) -> None:
        """Nothing has been measured."""
        self._times: dict[Hashable, _Times] = {}
        self._shortest = math.inf

    def add(self, trial: Trial, size: int, seconds: float) -> None:
        """Take in that a trial ended `seconds` after its task began, which had `size` trials."""
        task, seconds = _Task(size, _epochs(trial)), max(seconds, SHORTEST)
        self._shortest = min(self._shortest, seconds)
        kinds: list[Hashable] = [trial.shape]
        kinds += [trial.configuration] * (size == 1)
        for kind in kinds:
            times = self._times.setdefault(kind, {})
            times[task] = max(seconds, times.get(task, 0.0))

    @property
    def least(self) -> float:
        """Seconds that no trial is expected to go below; 0 if nothing was measured."""
        return NOISE * self._shortest if self._times else 0.0

    def seconds(self, trial: Trial) -> float:
        """Return the most seconds that a trial takes by itself; 0 if nothing was measured.

        What its configuration has taken says most, then what its shape has. One of another shape
        may be as long as the longest of any.
        """
        for kind in (trial.configuration, trial.shape):
            if kind in self._times:
                return _alone(self._times[kind], trial)
        return max((_alone(times, trial) for times in self._times.values()), default=0.0)

    def largest(self, trial: Trial, seconds: float) -> int:
        """Return the most trials like this one that fit into `seconds` as one task, at least 1.

        Of a shape that has not been measured that is one: it is what the next are measured by.
        """
        own, room = _scaled(self._times.get(trial.shape, {}), trial), seconds / NOISE
        fitting = [int(task.size * room / time) for task, time in own.items() if time <= room]
        return max(1, *fitting, 1)


def costs_of(store: Store) -> MeasuredCosts:
    """Return what the trials of a sweep took that have ended."""
    costs, trials = MeasuredCosts(), {trial.number: trial for trial in store.trials()}
    ordered = sorted(store.attempts(), key=lambda attempt: attempt.task_key)
    for _, group in groupby(ordered, key=lambda attempt: attempt.task_key):
        attempts = list(group)
        for attempt in filter(lasted, attempts):
            seconds = (attempt.finished or attempt.started) - attempt.started
            costs.add(trials[attempt.trial], len(attempts), seconds)
    return costs


def _alone(times: _Times, trial: Trial) -> float:
    return NOISE * min(_scaled(times, trial).values())


def _scaled(times: _Times, trial: Trial) -> _Times:
    """Return the most seconds that the tasks would take with the epochs of a trial."""
    epochs = _epochs(trial)
    return {task: time * max(1.0, epochs / task.epochs) for task, time in times.items()}


def _epochs(trial: Trial) -> int:
    return int(trial.config.get(EPOCHS, "1"))
