"""How a sweep stands: counts, what is running, and how long the rest will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from espalier.sweep.store import RUNNING, Attempt, Store, sizes
from espalier.trial import Record


@dataclass(frozen=True)
class Running:
    """A trial that is being trained, or a pack that goes by the first of its trials.

    `record` is its last progress record, `elapsed` the seconds since it began. Of `size` trials
    that began together `left` have not ended.
    """

    name: str
    record: Record
    elapsed: float
    size: int = 1
    left: int = 1

    @property
    def share(self) -> float:
        """The share of its epochs that are done, 0..1."""
        return float(self.record["epoch"]) / float(self.record["epochs"]) if self.record else 0.0


@dataclass(frozen=True)
class Snapshot:
    """How a sweep stands.

    `mean` is the mean duration of a trial in seconds, None if unknown; that of a trial in a pack
    is its share.
    """

    counts: Mapping[str, int]
    running: tuple[Running, ...]
    workers: int
    mean: float | None

    @property
    def total(self) -> int:
        """Trials in the sweep."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return self.total - self.counts.get("notrun", 0) - self.counts.get("running", 0)

    @property
    def eta(self) -> float | None:
        """Seconds to the end, from measured durations alone; None before there are any."""
        started = [one for one in self.running if one.share > 0]
        means = [one.elapsed / one.share / one.size for one in started]
        mean = self.mean if self.mean is not None else sum(means) / len(means) if means else None
        if mean is None:
            return 0.0 if self.done == self.total else None
        left = [_left(one, mean) for one in self.running]
        waiting = self.counts.get("notrun", 0)
        busy = max(1, min(self.workers, waiting + len(left)))
        return max([(sum(left) + waiting * mean) / busy, *left])


def _left(one: Running, mean: float) -> float:
    expected = one.elapsed / one.share if one.share > 0 else mean * one.size
    return max(0.0, expected - one.elapsed)


class Standing:
    """The state of every trial, kept up to date by the runner."""

    def __init__(self, store: Store) -> None:
        """As the store has it now."""
        self._states = store.states()
        self._counts = Counter(self._states.values())
        attempts = store.attempts()
        together = sizes(attempts)
        durations = [
            (one.finished - one.started) / together[one.task]
            for one in attempts
            if one.finished and one.conclusive
        ]
        self._seconds, self._ended = sum(durations), len(durations)

    def set(self, number: int, state: str) -> None:
        """A trial has changed its state."""
        self._counts[self._states[number]] -= 1
        self._counts[state] += 1
        self._states[number] = state

    def took(self, seconds: float) -> None:
        """An attempt has come to a conclusion after so long, its share if it was in a pack."""
        self._seconds += seconds
        self._ended += 1

    def snapshot(self, running: Iterable[Running], workers: int) -> Snapshot:
        """The picture to show."""
        mean = self._seconds / self._ended if self._ended else None
        return Snapshot(dict(self._counts), tuple(running), workers, mean)


def stored(store: Store) -> Snapshot:
    """How a sweep stands by its store alone, for a reader beside the runner."""
    names = {trial.number: trial.name for trial in store.trials()}
    attempts = store.attempts()
    together = sizes(attempts)
    groups: dict[tuple[int, float], list[Attempt]] = {}
    for one in attempts:
        if one.status == RUNNING:
            groups.setdefault(one.task, []).append(one)
    running = [
        Running(
            named(names[group[0].trial], len(group)),
            group[0].progress,
            _since(group[0]),
            together[task],
            len(group),
        )
        for task, group in groups.items()
    ]
    return Standing(store).snapshot(running, len(running))


def named(first: str, count: int) -> str:
    """What trials that run together are called: `config_001`, `config_001 +15` if they are 16."""
    return first if count == 1 else f"{first} +{count - 1}"


def _since(attempt: Attempt) -> float:
    return max(0.0, time.time() - attempt.started)
