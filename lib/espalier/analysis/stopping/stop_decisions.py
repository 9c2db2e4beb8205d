"""Who goes on at a rung, and who stops: it follows from what configurations have shown there.

Only networks that are as sparse as each other are compared at a rung: one that is not pruned yet is
better than one that is, and that says nothing about how the two end.

Nothing here depends on when something was shown, so that a sweep comes to the same decisions with
any number of workers, and after it was killed. A decision that can be made stays what it is,
whatever is shown later.

Source: Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter
optimization, for successive halving; Li et al. 2020, A system for massively parallel hyperparameter
tuning, for ASHA.
Differs: ASHA promotes the best of those that have arrived by then, and may promote one later. Here
the order of arrivals is fixed beforehand, a configuration is judged once, among those before it in
that order, and stops if it is not among the best of them.
"""

from __future__ import annotations

import bisect
import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from espalier.plan.stopping.stop_rules import RungRule, StopRules


@dataclass(frozen=True)
class Course:
    """What a configuration has shown: its `scores` by rung; the larger the better.

    It is compared at its `rungs`, ascending, with those that have the same of `percents` there: the
    share of weights that are zero. It is `lost` if it will come to no further score. At the rung
    `stopped` it was stopped before (0: at none).
    """

    rungs: Sequence[int]
    scores: Mapping[int, float] = field(default_factory=dict)
    percents: Mapping[int, int] = field(default_factory=dict)
    lost: bool = False
    stopped: int = 0

    def ready(self, rung: int) -> bool:
        """Return whether all that it will show at this rung is there."""
        return self.lost or rung in self.scores or rung == self.stopped

    def after(self, rung: int) -> int:
        """Return its next rung, 0 if there is none."""
        place = bisect.bisect_right(self.rungs, rung)
        return self.rungs[place] if place < len(self.rungs) else 0


class Stage(Enum):
    """What a configuration is to do."""

    TRAIN = "train"
    WAIT = "wait"
    STOP = "stop"


@dataclass(frozen=True)
class Fate:
    """What becomes of a configuration: it trains to a `rung`, or waits or stops there.

    A rung of 0 is its end. Of one that stops, `place` is its place among so
    many that are as sparse.
    """

    stage: Stage
    rung: int
    place: int = 0
    among: int = 0


Judged = Iterator[tuple[int, Fate]]


@dataclass
class _Assembly:
    """The `places` of the configurations that have a rung; so many are `missing` there.

    Those before `turn` are judged; they have `seen` scores, ascending, by the percent of weights
    that are zero.
    """

    rung: int
    places: list[int] = field(default_factory=list)
    missing: int = 0
    turn: int = 0
    seen: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


def _assemblies(courses: Iterable[Course]) -> dict[int, _Assembly]:
    """Return what is to come to each rung, by rung."""
    made: dict[int, _Assembly] = {}
    for place, course in enumerate(courses):
        for rung in course.rungs:
            at = made.setdefault(rung, _Assembly(rung))
            at.places.append(place)
            at.missing += 1
    return made


class RungDecisions:
    """The fates of configurations, in the order in which they are judged.

    Each rung is judged once for each configuration, so that all decisions of a sweep take time in
    proportion to what is shown at rungs.
    """

    def __init__(self, courses: Sequence[Course], rules: StopRules) -> None:
        """Decide what these courses show already."""
        self.fates = [Fate(Stage.TRAIN, course.after(0)) for course in courses]
        self._courses, self._rules = list(courses), rules
        self._changed: set[int] = set()
        self._assemblies = _assemblies(courses)
        self._judge(rung for place in range(len(courses)) for rung in self._arrivals(place))

    def show(self, place: int, course: Course) -> None:
        """Take in what a configuration shows now, and decide what follows."""
        self._courses[place] = course
        self._judge(self._arrivals(place))

    def take_changed(self) -> set[int]:
        """Return the places of the configurations whose fates have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _arrivals(self, place: int) -> Iterator[int]:
        """Let a configuration wait at its rung if it has come there; yield the rung."""
        fate = self.fates[place]
        if fate.stage is Stage.TRAIN and fate.rung and self._courses[place].ready(fate.rung):
            self._assemblies[fate.rung].missing -= 1
            self._set(place, Fate(Stage.WAIT, fate.rung))
            yield fate.rung

    def _set(self, place: int, fate: Fate) -> None:
        self.fates[place] = fate
        self._changed.add(place)

    def _judge(self, rungs: Iterable[int]) -> None:
        """Judge at rungs where something has changed, and at those where that changes something."""
        due = sorted(set(rungs))
        judged = self._in_turn if self._rules.rule is RungRule.ASHA else self._together
        while due:
            rung = heapq.heappop(due)
            for place, fate in list(judged(self._assemblies[rung])):
                self._set(place, fate)
                for other in self._leave(place) if fate.stage is Stage.STOP else ():
                    heapq.heappush(due, other)
                for other in self._arrivals(place):
                    heapq.heappush(due, other)

    def _leave(self, place: int) -> Iterator[int]:
        """Let a configuration that has stopped be awaited nowhere; yield the rungs where it was."""
        rungs = self._courses[place].rungs
        for rung in rungs[bisect.bisect_right(rungs, self.fates[place].rung) :]:
            self._assemblies[rung].missing -= 1
            yield rung

    def _in_turn(self, at: _Assembly) -> Judged:
        """Judge each among those before it, as far as none is missing."""
        while at.turn < len(at.places):
            place = at.places[at.turn]
            fate = self.fates[place]
            if fate.stage is not Stage.STOP:
                if fate != Fate(Stage.WAIT, at.rung):
                    return
                yield place, self._judged_in_turn(at, self._courses[place])
            at.turn += 1

    def _judged_in_turn(self, at: _Assembly, course: Course) -> Fate:
        score = _score(course, at.rung)
        seen = at.seen[_percent(course, at.rung)]  # ascending
        place = 1 + len(seen) - bisect.bisect_left(seen, score)
        bisect.insort(seen, score)
        return _fate(course, at.rung, place, len(seen), self._rules)

    def _together(self, at: _Assembly) -> Judged:
        """Judge all at once, when none is missing."""
        if at.missing or at.turn:
            return
        at.turn = len(at.places)
        arrived = [n for n in at.places if self.fates[n] == Fate(Stage.WAIT, at.rung)]
        by_percent = defaultdict[int, list[int]](list)
        for n in sorted(arrived, key=lambda n: -_score(self._courses[n], at.rung)):
            by_percent[_percent(self._courses[n], at.rung)].append(n)
        for alike in by_percent.values():
            for place, n in enumerate(alike, 1):
                yield n, _fate(self._courses[n], at.rung, place, len(alike), self._rules)


def _percent(course: Course, rung: int) -> int:
    return course.percents.get(rung, 0)


def _score(course: Course, rung: int) -> float:
    return course.scores.get(rung, -math.inf)


def _fate(course: Course, rung: int, place: int, among: int, rules: StopRules) -> Fate:
    has_score = _score(course, rung) > -math.inf and course.stopped != rung
    goes_on = has_score and place <= rules.keeps(among)
    if goes_on:
        return Fate(Stage.TRAIN, course.after(rung))
    return Fate(Stage.STOP, rung, place, among)
