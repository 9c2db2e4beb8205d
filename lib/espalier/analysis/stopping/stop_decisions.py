"""Who goes on at a rung, and who stops: a pure function of what configurations have shown there.

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
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
        return next((each for each in self.rungs if each > rung), 0)


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


def decide(courses: Sequence[Course], rules: StopRules) -> list[Fate]:
    """Return the fate of each configuration, given in the order in which they are judged."""
    fates = [Fate(Stage.TRAIN, course.after(0)) for course in courses]
    judge = _in_turn if rules.rule is RungRule.ASHA else _together
    for rung in sorted({rung for course in courses for rung in course.rungs}):
        coming = [n for n in range(len(courses)) if _comes(courses[n], fates[n], rung)]
        arrived = [n for n in coming if fates[n].rung == rung and courses[n].ready(rung)]
        for n in arrived:
            fates[n] = Fate(Stage.WAIT, rung)
        for n, fate in judge(courses, coming, arrived, rung, rules):
            fates[n] = fate
    return fates


def _comes(course: Course, fate: Fate, rung: int) -> bool:
    """Return whether a configuration has come to a rung, or may still."""
    return rung in course.rungs and fate.stage is not Stage.STOP


Judged = Iterator[tuple[int, Fate]]


def _in_turn(
    courses: Sequence[Course],
    coming: Sequence[int],
    arrived: Sequence[int],
    rung: int,
    rules: StopRules,
) -> Judged:
    """Judge each among those before it, as far as none is missing."""
    present, by_percent = {*arrived}, defaultdict[int, list[float]](list)
    for n in coming:
        if n not in present:
            return
        score = _score(courses[n], rung)
        seen = by_percent[_percent(courses[n], rung)]  # ascending
        place = 1 + len(seen) - bisect.bisect_left(seen, score)
        bisect.insort(seen, score)
        yield n, _fate(courses[n], rung, place, len(seen), rules)


def _together(
    courses: Sequence[Course],
    coming: Sequence[int],
    arrived: Sequence[int],
    rung: int,
    rules: StopRules,
) -> Judged:
    """Judge all at once, when none is missing."""
    if len(arrived) < len(coming):
        return
    by_percent = defaultdict[int, list[int]](list)
    for n in sorted(arrived, key=lambda n: -_score(courses[n], rung)):
        by_percent[_percent(courses[n], rung)].append(n)
    for alike in by_percent.values():
        for place, n in enumerate(alike, 1):
            yield n, _fate(courses[n], rung, place, len(alike), rules)


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
