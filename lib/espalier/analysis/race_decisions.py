"""What a race decides: a pure function from the scores so far to who is still in.

Every configuration has its scores in the order of seeds. Round r looks at the first r seeds only,
so more seeds never change what earlier rounds decided, and neither does the order in which trials
ended. A configuration leaves when the evidence that some other is better reaches (K - 1) / alpha,
for K configurations: one that is truly best can only err against the K - 1 others, so it is called
behind in at most a share alpha of races, whenever one looks. Of two, the limit is 2 / alpha.

With a margin, each of the two statements has half of alpha: that one is behind, and that all that
are left lie within the margin of each other. The second is wrong only if one of the K - 1 others
is a margin or more behind a truly best one that is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from espalier.analysis.anytime_tests import Array, Flags, reaches
from espalier.analysis.confidence import ROUNDING, resolution
from espalier.analysis.multiple_best import rivals
from espalier.core.measures import Measure

NO_SCORE = "no trial of the first round has a score"
Scores = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class RaceRules:
    """When a race decides.

    `alpha` in 0..1 is the error rate; `margin` >= 0, in the measure's unit, is what counts as
    equal, 0 for nothing; the first decision is made after `first_seeds`, the last after
    `max_seeds` seeds.
    """

    alpha: float
    margin: float
    first_seeds: int
    max_seeds: int

    @property
    def share(self) -> float:
        """The error rate of one statement: with a margin there are two."""
        return self.alpha / 2 if self.margin > 0 else self.alpha

    def due(self, rounds: int) -> int:
        """Return how many seeds have to be there for the decision after `rounds` rounds."""
        return min(max(rounds + 1, self.first_seeds), self.max_seeds)


class RaceStatus(StrEnum):
    """What a race says of a configuration."""

    BEST = "best"
    WITHIN = "within"
    BEHIND = "behind"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class RaceDecision:
    """What a race says of one configuration.

    `seeds` is the number of seeds that it was judged by, `left` the round in which it left, None
    while it is in; `reason` says why where the status alone does not.
    """

    status: RaceStatus
    seeds: int
    left: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class RaceState:
    """The decisions, in the order of the configurations, after so many rounds.

    `survivors` are the places of those still in. While the race has not `ended`, each of them
    must have its first `due` seeds for the next decision.
    """

    decisions: tuple[RaceDecision, ...]
    survivors: tuple[int, ...]
    rounds: int
    ended: bool
    due: int


def decide(scores: Scores, rules: RaceRules, measure: Measure) -> RaceState:
    """Return what a race has decided by `scores`: of each configuration, in the order of seeds.

    None stands for a trial without a score; a pair with it is left out. Scores may differ in
    number: a round counts when all that are still in have its seed.
    """
    return Race(len(scores), rules, measure).advance(scores)


class Race:
    """The rounds of a race, one after the other, without beginning anew each time."""

    def __init__(self, count: int, rules: RaceRules, measure: Measure) -> None:
        """Begin the race of `count` configurations, none of which has a score yet."""
        self._rules, self._sign, self._count = rules, measure.sign, count
        self._in = np.ones(count, dtype=bool)
        self._decisions = [RaceDecision(RaceStatus.UNDECIDED, 0)] * count
        self._pairs = _Pairs(count)
        self._seen: list[Array] = []  # the values of each round, NaN where there is none
        self._ended = count == 0

    @property
    def rounds(self) -> int:
        """How many rounds have been judged."""
        return len(self._seen)

    def advance(self, scores: Scores) -> RaceState:
        """Judge the rounds that `scores` have beyond those judged; the others must be the same."""
        numbers = np.array([len(each) for each in scores], dtype=int)
        while not self._ended and (numbers[self._in] >= self._rules.due(self.rounds)).all():
            self._add_round(scores)
            if self.rounds >= self._rules.due(0):
                self._judge()
        return self._state()

    def _add_round(self, scores: Scores) -> None:
        values = np.full(self._count, np.nan)
        for i in np.flatnonzero(self._in):
            score = scores[int(i)][self.rounds]
            values[i] = np.nan if score is None else self._sign * score
        self._seen.append(values)
        self._pairs.add(values)

    def _judge(self) -> None:
        """Let those leave that have no score or are behind; end if there is nothing more to say."""
        seen = np.array(self._seen)
        self._leave(self._in & np.isnan(seen).all(axis=0), RaceStatus.UNDECIDED, NO_SCORE)
        step = resolution(seen[~np.isnan(seen)])
        limit = math.log(rivals(self._count) / self._rules.share)
        behind = self._pairs.behind(step, limit)
        if not behind[self._in].all():  # else those with gaps have beaten each other in a circle
            self._leave(behind, RaceStatus.BEHIND)
        margin = self._rules.margin
        within = margin > 0 and self._pairs.within(margin, step, limit)
        self._end(within)

    def _leave(self, leaving: Flags, status: RaceStatus, reason: str = "") -> None:
        for i in np.flatnonzero(leaving):
            self._decisions[i] = RaceDecision(status, self.rounds, self.rounds, reason)
        self._in = self._in & ~leaving
        self._pairs.keep(self._in)

    def _end(self, within: bool) -> None:
        alone = self._in.sum() <= 1
        self._ended = bool(alone or within or self.rounds >= self._rules.max_seeds)
        status = RaceStatus.WITHIN if within else RaceStatus.UNDECIDED
        for i in np.flatnonzero(self._in) if self._ended else ():
            self._decisions[i] = RaceDecision(RaceStatus.BEST if alone else status, self.rounds)

    def _state(self) -> RaceState:
        places = tuple(int(i) for i in np.flatnonzero(self._in))
        for i in places:
            self._decisions[i] = replace(self._decisions[i], seeds=self.rounds)
        due = self._rules.due(self.rounds)
        return RaceState(tuple(self._decisions), places, self.rounds, self._ended, due)


class _Pairs:
    """Sums over the differences (second minus first) of all pairs that are in."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first, self._second = np.triu_indices(count, 1)
        self._n, self._total, self._squares = np.zeros((3, len(self._first)))
        self._close = np.zeros((2, len(self._first)), dtype=bool)

    def add(self, values: Array) -> None:
        """Add the differences of one seed."""
        first, second = values[self._first], values[self._second]
        difference = second - first
        size = np.maximum(np.abs(first), np.abs(second))
        difference[np.abs(difference) <= ROUNDING * size] = 0.0
        there = ~np.isnan(difference)
        difference[~there] = 0.0
        self._n += there
        self._total += difference
        self._squares += difference**2

    def behind(self, step: float, limit: float) -> Flags:
        """Return of each configuration whether the evidence that another is better is enough."""
        enough = reaches(self._n, np.abs(self._total), self._squares, step, limit)
        behind = np.zeros(self._count, dtype=bool)
        behind[self._first[enough & (self._total > 0)]] = True
        behind[self._second[enough & (self._total < 0)]] = True
        return behind

    def within(self, margin: float, step: float, limit: float) -> bool:
        """Return whether the evidence was enough at some time that no pair is a margin apart."""
        for close, sign in zip(self._close, (1, -1), strict=True):
            total = self._n * margin - sign * self._total
            squares = self._squares - 2 * margin * sign * self._total + self._n * margin**2
            open_ = ~close & (total > ROUNDING * self._n * margin)
            close[open_] = reaches(self._n[open_], total[open_], squares[open_], step, limit)
        return bool(self._close.all())

    def keep(self, staying: Flags) -> None:
        """Forget the pairs of which one has left."""
        kept = staying[self._first] & staying[self._second]
        if kept.all():
            return
        self._first, self._second = self._first[kept], self._second[kept]
        self._n, self._total, self._squares = (
            each[kept] for each in (self._n, self._total, self._squares)
        )
        self._close = self._close[:, kept]
