"""What trials of a sweep were measured to take, and what others will take at most by that."""

from __future__ import annotations

import math
from collections.abc import Hashable
from itertools import groupby
from typing import NamedTuple

from espalier.core.trial import PAUSED, Trial, has_rungs
from espalier.plan.stopping.stop_rules import epochs_of
from espalier.run.cost_model import NOISE
from espalier.store.store import Store
from espalier.store.sweep_state import lasted, seconds_of

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

    def add(self, trial: Trial, size: int, seconds: float, epochs: int) -> None:
        """Take in that a trial ended `seconds` after its task began.

        The task had `size` trials, and so many epochs of each were trained in it.
        """
        task, seconds = _Task(size, max(1, epochs)), max(seconds, SHORTEST)
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

    def seconds(self, trial: Trial, epochs: int) -> float:
        """Return the most seconds that a trial takes for epochs by itself; 0: nothing is known.

        What its configuration has taken says most, then what its shape has. One of another shape
        may be as long as the longest of any.
        """
        for kind in (trial.configuration, trial.shape):
            if kind in self._times:
                return _alone(self._times[kind], epochs)
        return max((_alone(times, epochs) for times in self._times.values()), default=0.0)

    def largest(self, trial: Trial, seconds: float, epochs: int) -> int:
        """Return the most trials like this one that fit into `seconds` as one task, at least 1.

        So many epochs of each are to be trained.

        Of a shape that has not been measured that is one: it is what the next are measured by.
        """
        own, room = _scaled(self._times.get(trial.shape, {}), epochs), seconds / NOISE
        fitting = [int(task.size * room / time) for task, time in own.items() if time <= room]
        return max(1, *fitting, 1)


def costs_of(store: Store) -> MeasuredCosts:
    """Return what the trials of a sweep took that have ended, or have come to a rung."""
    costs, trials = MeasuredCosts(), {trial.number: trial for trial in store.trials()}
    legs = _legs(store)
    ordered = sorted(store.attempts(), key=lambda attempt: attempt.task_key)
    for _, group in groupby(ordered, key=lambda attempt: attempt.task_key):
        attempts = list(group)
        for attempt in attempts:
            if lasted(attempt) or attempt.reason == PAUSED:
                trial, seconds = trials[attempt.trial], seconds_of(attempt, 1)
                epochs = legs.get((trial.number, attempt.attempt)) or epochs_of(trial)
                costs.add(trial, len(attempts), seconds, epochs)
    return costs


def _legs(store: Store) -> dict[tuple[int, int], int]:
    """Return the epochs that attempts trained, by trial and attempt, where trials pause at rungs.

    A trial goes on from its last rung. One that cannot is given the epochs beyond that alone, so
    that it is taken for longer than it was, and never for shorter.
    """
    if not has_rungs(store.header.settings):
        return {}
    ended = [item for item in store.attempts() if item.conclusive or item.reason == PAUSED]
    ended.sort(key=lambda item: (item.trial, item.attempt))
    legs, shown = dict[tuple[int, int], int](), store.shown()
    for number, own in groupby(ended, key=lambda item: item.trial):
        before = 0
        for attempt, result in zip(own, shown.get(number, []), strict=True):
            legs[number, attempt.attempt] = max(0, len(result.history) - before)
            before = len(result.history) if attempt.reason == PAUSED else before
    return legs


def _alone(times: _Times, epochs: int) -> float:
    return NOISE * min(_scaled(times, epochs).values())


def _scaled(times: _Times, epochs: int) -> _Times:
    """Return the most seconds that the tasks would take with so many epochs of each trial."""
    return {task: time * max(1.0, epochs / task.epochs) for task, time in times.items()}
