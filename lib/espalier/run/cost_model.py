"""The cost of a sweep, from what its own trials were measured to take: never from anything else.

A measurement speaks for the trials of one shape, which differ in nothing that a pack must have in
common: not in their model, data or batch size. Epochs are what is scaled. Every number is a range:
what the fastest and the slowest of the epochs that were seen would come to.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from espalier.core.trial import EPOCHS, TRIAL_SECONDS, Result, Trial
from espalier.run.packing.pack_queue import share

NOISE = 1.1
"""What a machine's speed varies by from one minute to the next, beside what was seen."""


class Span(NamedTuple):
    """The least and the most that something may come to."""

    low: float
    high: float

    def __add__(self, other: object) -> Span:
        """Return the sum of two spans."""
        assert isinstance(other, Span)
        return Span(self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Span:
        """Return both ends multiplied."""
        return Span(self.low * factor, self.high * factor)

    @property
    def middle(self) -> float:
        """The number that is as many times the low end as the high end is times it."""
        return math.sqrt(self.low * self.high)

    @property
    def width(self) -> float:
        """How many times as large the high end is."""
        return self.high / self.low if self.low else math.inf


@dataclass(frozen=True)
class Speed:
    """Seconds of one trial of a shape, trained together with others: its share of their time.

    `fixed` is what comes before the first epoch and after the last; `trials` is how many were
    trained as one program.
    """

    fixed: Span
    epoch: Span
    trials: int

    def seconds(self, trials: Iterable[Trial]) -> Span:
        """Return what a pack of `trials` takes."""
        total = Span(0.0, 0.0)
        for trial in trials:
            total += self.fixed + self._training(trial)
        return total

    def _training(self, trial: Trial) -> Span:
        if TRIAL_SECONDS in trial.config:
            given = float(trial.config[TRIAL_SECONDS])
            return Span(given / NOISE, given * NOISE)
        return self.epoch.times(int(trial.config[EPOCHS]))


def speed(results: Sequence[Result]) -> Speed:
    """Return what measurements of one shape, at least one, come to."""
    trials = max(int(result.measures["trials"]) for result in results)
    return Speed(
        _span([_per_trial(result, _fixed(result)) for result in results]),
        _around([_epochs(result) for result in results]),
        trials,
    )


def _fixed(result: Result) -> float:
    return float(result.measures["startup"]) + float(result.measures["finish"])


def _per_trial(result: Result, seconds: float) -> float:
    return seconds / int(result.measures["trials"])


def _epochs(result: Result) -> list[float]:
    return [_per_trial(result, float(record["seconds"])) for record in result.history]


def _span(values: Sequence[float]) -> Span:
    return Span(min(values) / NOISE, max(values) * NOISE)


def _around(measured: Sequence[Sequence[float]]) -> Span:
    """Return the span of the mean epoch of a run, from the epochs of some runs.

    A run that was measured whole is its own mean. In one that goes on, what is to come may be as
    the faster or as the slower half of what was seen.
    """
    ends: list[float] = []
    for epochs in measured:
        ordered = sorted(epochs)
        half = (len(ordered) + 1) // 2
        ends += [fmean(ordered[:half]), fmean(ordered[-half:])]
    return _span(ends)


@dataclass(frozen=True)
class Estimate:
    """A sweep's cost: `wall` is the time by the clock, `compute` of all workers together."""

    wall: Span
    compute: Span
    shortest: Span  # of one trial
    longest: Span


def total(
    trials: Sequence[Trial], speeds: Mapping[str, Speed], packs: Mapping[str, int], workers: int
) -> Estimate:
    """Return what `trials` take, of which there is a speed for every shape that there is.

    `packs` has the largest pack of each shape.
    """
    each = [speeds[trial.shape].seconds([trial]) for trial in trials]

    def spans(pack: Sequence[Trial]) -> Span:
        return speeds[pack[0].shape].seconds(pack)

    low = _makespan(trials, packs, workers, lambda pack: spans(pack).low)
    high = _makespan(trials, packs, workers, lambda pack: spans(pack).high)
    compute = Span(sum(span.low for span in each), sum(span.high for span in each))
    shortest, longest = min(each), max(each, key=lambda span: span.high)
    return Estimate(Span(low, high), compute, shortest, longest)


def _makespan(
    trials: Sequence[Trial],
    packs: Mapping[str, int],
    workers: int,
    seconds: Callable[[Sequence[Trial]], float],
) -> float:
    """Return when the last trial ends if workers take packs as the runner hands them out."""
    waiting, count = list(trials), Counter(trial.shape for trial in trials)
    free = [(0.0, "", 0)] * workers  # when each worker is free, and what it trains until then
    while waiting:
        free.sort()
        now, *_ = free.pop(0)
        shape = waiting[0].shape
        running = sum(size for end, kind, size in free if kind == shape and end > now)
        others = len(waiting) - count[shape]
        size = min(packs[shape], share(count[shape], running, workers, others))
        pack = [trial for trial in waiting if trial.shape == shape][:size]
        taken = {trial.number for trial in pack}
        waiting = [trial for trial in waiting if trial.number not in taken]
        count[shape] -= len(pack)
        free.append((now + seconds(pack), shape, len(pack)))
    return max(end for end, *_ in free)


def folder_size(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
