"""Packs: which of the waiting trials a free worker is handed together.

Trials of one shape can be trained as one program. How many at most is a fixed number, or what a
probe on the device answered for the shape; what became of earlier packs may bound it further.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from espalier.sweep.priority import NONE, Priority
from espalier.sweep.store import PACK_OOM, Store, sizes
from espalier.sweep.worker import DISK_FULL, PROBE, TRAIN
from espalier.trial import Result, Status, Trial

UNTOLD = ("", "interrupted", DISK_FULL)
"""Reasons that tell nothing about packs; the first is that of a trial that passed."""
MANY = 4096  # as large as CONFIG_PACK may be
ASKED = 1024
"""Trials of a shape that a probe is given to choose from, at most."""


class Answer(NamedTuple):
    """How many trials of a shape one program is to train; `why`, in words, if that is 1."""

    size: int
    why: str = ""


class Turn(NamedTuple):
    """What a worker is to do next: TRAIN these trials, or PROBE their shape with them."""

    ask: str
    trials: list[Trial]


def answered(result: Result) -> Answer:
    """The answer in the result of a probe; one that could not tell means one at a time."""
    if result.status is not Status.PASSED:
        return Answer(1, f"the probe ended with {result.reason}: {result.message}")
    size = int(result.measures.get("pack", 1))
    return Answer(max(1, size), str(result.measures.get("why", "")))


def share(waiting: int, running: float, workers: int) -> int:
    """The trials that one of `workers` may take, so that all have work until the end.

    `running` is what is still to do of those that are being trained, in trials.
    """
    return max(1, math.ceil((waiting + running) / workers))


class Bounds:
    """How many trials may be trained together, going by what became of earlier packs."""

    def __init__(self) -> None:
        """Any number."""
        self._shapes: dict[str, int] = {}
        self._alone: set[int] = set()

    def note(self, trial: Trial, reason: str, size: int) -> None:
        """A trial, one of `size` together, has ended with `reason`.

        Trials of one shape need the same memory. For any other error each one may be to blame,
        and one that has ended in an error by itself is no company for others.
        """
        if reason == PACK_OOM:
            self._shapes[trial.shape] = max(1, min(self._of(trial.shape), size // 2))
        elif reason not in UNTOLD:
            self._alone.add(trial.number)

    def most(self, trial: Trial) -> int:
        """The largest pack that a trial may be in."""
        if trial.number in self._alone or not trial.shape or trial.ranks > 1:
            return 1
        return self._of(trial.shape)

    def _of(self, shape: str) -> int:
        return self._shapes.get(shape, MANY)


def bounds(store: Store) -> Bounds:
    """What the attempts of this round have shown, also those under an earlier runner."""
    found, attempts = Bounds(), store.attempts()
    trials = {trial.number: trial for trial in store.trials()}
    together = sizes(attempts)
    for one in attempts:
        if one.round == store.round:
            found.note(trials[one.trial], one.reason, together[one.task])
    return found


class Packing:
    """The trials that wait, in the order in which they are to start."""

    def __init__(
        self,
        size: int,
        limits: Bounds,
        trials: Iterable[Trial],
        priority: Priority = NONE,
    ) -> None:
        """Packs of at most `size`; 0: as large as the answers for their shapes say."""
        self._size, self._bounds, self._priority = size, limits, priority
        self._answers: dict[str, Answer | None] = {}  # by shape; None: asked
        self._waiting: OrderedDict[int, Trial] = OrderedDict()
        self._count: Counter[str] = Counter()  # of those that wait, by shape
        for trial in priority.ordered(trials):
            self._put(trial)

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._waiting.values())

    def add(self, trial: Trial) -> None:
        """Let a trial wait, behind all others of its priority."""
        self._put(trial)
        ordered = self._priority.ordered(self._waiting.values())
        self._waiting = OrderedDict((one.number, one) for one in ordered)

    def _put(self, trial: Trial) -> None:
        self._waiting[trial.number] = trial
        self._count[trial.shape] += 1

    def answer(self, shape: str, answer: Answer) -> None:
        """A probe has told about a shape."""
        self._answers[shape] = answer

    def next(self, most: Callable[[str, int], int], allowed: Callable[[int], bool]) -> Turn | None:
        """What a free worker is to do; None if nothing waits that it could begin now.

        `most(shape, waiting)` is how many trials of a shape this worker may take; `allowed` says
        of a trial's number whether it may start there now.
        """
        for trial in filter(lambda one: allowed(one.number), self):
            asked = self._bounds.most(trial) > 1 and self._count[trial.shape] > 1
            if asked and not self._size and trial.shape not in self._answers:
                return self._question(trial.shape)
            if not asked or self._size or self._answers[trial.shape] is not None:
                return Turn(TRAIN, self._take(trial, most(trial.shape, self._count[trial.shape])))
        return None

    def _question(self, shape: str) -> Turn:
        self._answers[shape] = None
        return Turn(PROBE, [trial for trial in self if trial.shape == shape][:ASKED])

    def _take(self, first: Trial, most: int) -> list[Trial]:
        size = min(self._largest(first.shape), most, self._bounds.most(first))
        taken = [first]
        if size > 1:
            taken += [trial for trial in self if trial is not first and self._goes(trial, first)]
        for trial in taken[:size]:
            del self._waiting[trial.number]
        self._count[first.shape] -= len(taken[:size])
        return taken[:size]

    def _goes(self, trial: Trial, first: Trial) -> bool:
        return trial.shape == first.shape and self._bounds.most(trial) > 1

    def _largest(self, shape: str) -> int:
        answer = self._answers.get(shape)
        return self._size or (answer.size if answer else 1)
