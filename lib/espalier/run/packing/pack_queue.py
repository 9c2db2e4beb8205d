"""The queue of trials that wait, and which of them a free worker is handed as one pack.

Trials of one shape can be trained as one program. How many at most is a fixed number, or what a
probe on the device measured for the shape; what became of earlier packs may limit it further.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from espalier.core.trial import PAUSED, RUNG, Action, Result, Status, Trial
from espalier.run.packing.priority import NONE, Priority
from espalier.run.workers.worker import DISK_FULL
from espalier.store.attempt import PACK_OOM, count_per_task
from espalier.store.store import Store

UNINFORMATIVE = ("", "interrupted", DISK_FULL, PAUSED, RUNG)
"""Reasons that say nothing about packs; the first is that of a trial that passed."""
LARGEST = 4096  # as large as CONFIG_PACK may be
PROBE_TRIALS = 1024
"""Trials of a shape that a probe is given to choose from, at most."""


class PackSize(NamedTuple):
    """How many trials of a shape one program trains; `why`, in words, if that is 1."""

    size: int
    why: str = ""


def pack_size(result: Result) -> PackSize:
    """Return the size in the result of a probe; 1 if the probe did not pass."""
    if result.status is not Status.PASSED:
        return PackSize(1, f"the probe ended with {result.reason}: {result.message}")
    size = result.measures.get("pack", 1)
    if not isinstance(size, int):
        return PackSize(1, f"the probe answered pack={size!r}")
    return PackSize(min(max(1, size), LARGEST), str(result.measures.get("why", "")))


def pack_note(size: PackSize) -> str:
    """Return a note on the size of packs; nothing where one is enough without a reason."""
    if size.size > 1:
        return f"note: up to {size.size} trials train as one program (PACK=1: one by one)"
    return f"note: trials run one at a time: {size.why}" if size.why else ""


def share(waiting: int, running: float, workers: int, others: int) -> int:
    """Return how many trials one of `workers` may take, so that all have work until the end.

    Of trials of its shape there are `waiting`; `running` is what is still to do of those that are
    being trained, in trials; `others` of other shapes wait. As long as those are work enough for
    every worker a shape is not split: two packs take longer than one of both.
    """
    if others >= workers * waiting:
        return waiting
    return max(1, math.ceil((waiting + running) / max(1, workers)))


class PackLimits:
    """How many trials may be trained together, by what became of earlier packs."""

    def __init__(self) -> None:
        """Any number."""
        self._shapes: dict[str, int] = {}
        self._alone: set[int] = set()

    def update(self, trial: Trial, reason: str, size: int) -> None:
        """Take in that a trial, one of `size` together, has ended with `reason`.

        Trials of one shape need the same memory. Of any other error each of them may be the cause,
        and a trial that has ended in an error by itself is not packed again.
        """
        if reason == PACK_OOM:
            self._shapes[trial.shape] = max(1, min(self._of_shape(trial.shape), size // 2))
        elif reason not in UNINFORMATIVE:
            self._alone.add(trial.number)

    def largest(self, trial: Trial) -> int:
        """Return the size of the largest pack that a trial may be in."""
        if trial.number in self._alone or trial.alone:
            return 1
        return self._of_shape(trial.shape)

    def _of_shape(self, shape: str) -> int:
        return self._shapes.get(shape, LARGEST)


def pack_limits(store: Store) -> PackLimits:
    """Return the limits that the attempts of this round set, also those under an earlier runner."""
    limits, attempts = PackLimits(), store.attempts()
    trials = {trial.number: trial for trial in store.trials()}
    together = count_per_task(attempts)
    for attempt in attempts:
        if attempt.round == store.round:
            limits.update(trials[attempt.trial], attempt.reason, together[attempt.task_key])
    return limits


def _to_the_end(trial: Trial) -> int:
    del trial
    return 0


class PackQueue:
    """The trials that wait, in the order in which they are to start."""

    def __init__(
        self,
        size: int,
        limits: PackLimits,
        trials: Iterable[Trial],
        priority: Priority = NONE,
        until: Callable[[Trial], int] = _to_the_end,
    ) -> None:
        """Make packs of at most `size`; 0: as large as the probes of their shapes say.

        Those of a pack pause after the same epoch, which `until` gives.
        """
        self._until = until
        self._size, self._limits, self._priority = size, limits, priority
        self._sizes: dict[str, PackSize | None] = {}  # by shape; None: being probed
        self._places: list[tuple[int, ...]] = []  # the priorities of those that wait, sorted
        self._waiting: dict[tuple[int, ...], OrderedDict[int, Trial]] = {}  # by priority and number
        self._length, self._count = 0, Counter[str]()  # of those that wait; by shape
        for trial in trials:
            self.add(trial)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Trial]:
        return chain.from_iterable(self._waiting[place].values() for place in self._places)

    def add(self, trial: Trial) -> None:
        """Let a trial wait, behind all others of its priority."""
        place = self._priority.of(trial)
        if place not in self._waiting:
            bisect.insort(self._places, place)
            self._waiting[place] = OrderedDict()  # of a dict the first is found ever more slowly
        self._waiting[place][trial.number] = trial
        self._length += 1
        self._count[trial.shape] += 1

    def set_size(self, shape: str, size: PackSize) -> None:
        """Take in what a probe measured for a shape."""
        self._sizes[shape] = size

    def next(
        self, share: Callable[[Trial, int], int], allowed: Callable[[Trial], bool]
    ) -> tuple[Action, list[Trial]] | None:
        """Return what a free worker is to do: train these trials, or probe their shape with them.

        None if nothing waits that it could begin now. `share(first, waiting)` is how many trials of
        the shape of the first one this worker may take; `allowed` says whether a trial may start
        there now.
        """
        for trial in filter(allowed, self):
            packable = self._limits.largest(trial) > 1 and self._count[trial.shape] > 1
            if packable and not self._size and trial.shape not in self._sizes:
                return Action.PROBE, self._start_probe(trial.shape)
            if not packable or self._size or self._sizes[trial.shape] is not None:
                count = share(trial, self._count[trial.shape])
                return Action.TRAIN, self._take(trial, count)
        return None

    def next_single(self, allowed: Callable[[Trial], bool]) -> Trial | None:
        """Return the trial that is to start next, if it is trained by itself and to its end."""
        first = next(filter(allowed, self), None)
        if first is None or self._until(first) or not self._is_single(first):
            return None
        return self._take(first, 1)[0]

    def _is_single(self, trial: Trial) -> bool:
        packable = self._limits.largest(trial) > 1 and self._count[trial.shape] > 1
        probed = self._size or self._sizes.get(trial.shape)
        return not packable or (bool(probed) and self.chosen_size(trial.shape) == 1)

    def _start_probe(self, shape: str) -> list[Trial]:
        self._sizes[shape] = None
        return [trial for trial in self if trial.shape == shape][:PROBE_TRIALS]

    def _take(self, first: Trial, count: int) -> list[Trial]:
        size = min(self.chosen_size(first.shape), count, self._limits.largest(first))
        taken = [first]
        if size > 1:
            taken += [trial for trial in self if trial is not first and self._joins(trial, first)]
        for trial in taken[:size]:
            self._remove(trial)
        self._length -= len(taken[:size])
        self._count[first.shape] -= len(taken[:size])
        return taken[:size]

    def _remove(self, trial: Trial) -> None:
        """Let a trial wait no longer; nothing that is empty stays to be looked at."""
        place = self._priority.of(trial)
        del self._waiting[place][trial.number]
        if not self._waiting[place]:
            del self._waiting[place]
            del self._places[bisect.bisect_left(self._places, place)]

    def _joins(self, trial: Trial, first: Trial) -> bool:
        alike = trial.shape == first.shape and self._until(trial) == self._until(first)
        return alike and self._limits.largest(trial) > 1

    def chosen_size(self, shape: str) -> int:
        """Return the size of the packs of a shape, 1 as long as it is not known."""
        probed = self._sizes.get(shape)
        return self._size or (probed.size if probed else 1)
