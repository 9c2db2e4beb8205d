"""Measure how long a trial that is a program takes, by running it for a while."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean

from espalier.core.records import Provenance
from espalier.core.trial import Record, Result, Status, Task, discard
from espalier.scripts.script_attempt import EnoughError, ScriptAttempt, epochs_of

SECONDS = "MEASURE_SECONDS"
"""The setting that says how long a measurement may take."""


def measure(task: Task) -> Result:
    """Return how long a trial takes, in the measures of `espalier.train.speed`.

    A program that ends within its time, and whose epochs are not those of NUM_EPOCHS, is taken to
    last as long whatever that says. Raises as `ScriptAttempt.run` does.
    """
    attempt, begun = ScriptAttempt(task, discard, float(task.settings[SECONDS])), time.monotonic()
    try:
        result = attempt.run(Provenance())
    except EnoughError:
        return _estimate(attempt.records.history, time.monotonic() - begun)
    total = time.monotonic() - begun
    if result.status is not Status.PASSED:
        return result
    seconds = _seconds(result.history)
    if len(seconds) != epochs_of(task):
        return _result(total, 0.0, [0.0], whole=True)
    return _result(0.0, max(0.0, total - sum(seconds)), seconds, whole=True)


def _estimate(history: Sequence[Record], total: float) -> Result:
    """Return what a run that was broken off after `total` seconds tells."""
    first, *others = _seconds(history) or [total]
    if not others:
        seen = f"its program has reported {len(history)} epochs in {total:.0f} s"
        why = f"{seen}, and 2 are needed; run one trial and see"
        return Result(Status.FAILED, "unmeasured", why)
    return _result(max(0.0, first - fmean(others)), 0.0, others, whole=False)


def _seconds(history: Sequence[Record]) -> list[float]:
    return [float(record["seconds"]) for record in history]


def _result(startup: float, finish: float, seconds: Sequence[float], whole: bool) -> Result:
    measures = {"startup": startup, "finish": finish, "trials": 1, "whole": whole}
    history: list[Record] = [{"seconds": each} for each in seconds]
    return Result(Status.PASSED, measures=measures, history=history)
