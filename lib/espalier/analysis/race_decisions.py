"""What a race decides: a pure function from the scores so far to who is still in.

Every configuration has its scores in the order of seeds. Round r looks at the first r seeds only,
so more seeds never change what earlier rounds decided, and neither does the order in which trials
ended. A configuration leaves when the evidence that some other is better reaches (K - 1) / alpha,
for K configurations: one that is truly best can only err against the K - 1 others, so it is called
behind in at most a share alpha of races, whenever one looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from espalier.analysis.anytime_tests import log_t_evidence
from espalier.core.measures import Measure

Array = npt.NDArray[np.float64]
NO_SCORE = "no trial of the first round has a score"


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
    def part(self) -> float:
        """The error rate of leaving; with a margin, as much is for ending within it."""
        return self.alpha / 2 if self.margin > 0 else self.alpha


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
    """The decisions, in the order of the configurations, after so many complete rounds.

    `survivors` are the places of those still in. While the race has not `ended`, each of them
    needs a trial of the seed in place `rounds` (from 0); before the first round, of all its seeds.
    """

    decisions: tuple[RaceDecision, ...]
    survivors: tuple[int, ...]
    rounds: int
    ended: bool


Scores = Sequence[Sequence[float | None]]


def decide(scores: Scores, rules: RaceRules, measure: Measure) -> RaceState:
    """Return what a race has decided by `scores`: of each configuration, in the order of seeds.

    None stands for a trial without a score; a pair with it is left out. Scores may differ in
    number: a round counts when all that are still in have its seed. None are needed.
    """
    race = _Race(scores, rules, measure)
    while not race.ended and race.ready():
        race.judge_round()
    return race.state()


class _Race:
    """The rounds of a race, one after the other. Arrays of pairs (own, other) hold other - own."""

    def __init__(self, scores: Scores, rules: RaceRules, measure: Measure) -> None:
        self._rules, self._numbers = rules, [len(each) for each in scores]
        count = len(scores)
        self._values = _matrix(scores, rules.max_seeds) * measure.sign
        self._in = np.ones(count, dtype=bool)
        self._decisions = [RaceDecision(RaceStatus.UNDECIDED, 0)] * count
        self._n, self._total, self._squares = np.zeros((3, count, count))
        self._close = np.zeros((count, count), dtype=bool)  # shown to be within the margin
        self._round, self.ended = 0, count == 0

    def ready(self) -> bool:
        """Return whether all that are in have the seeds of the next round to be judged."""
        seeds = max(self._round + 1, self._rules.first_seeds)
        return all(self._numbers[i] >= min(seeds, self._rules.max_seeds) for i in self._places())

    def judge_round(self) -> None:
        """Take in the next seed and let those leave that are behind."""
        self._add(self._values[:, self._round])
        self._round += 1
        if self._round < min(self._rules.first_seeds, self._rules.max_seeds):
            return
        self._leave_without_score()
        self._leave_behind()
        self._end()

    def state(self) -> RaceState:
        """Return what has been decided so far."""
        for i in self._places():
            self._decisions[i] = replace(self._decisions[i], seeds=self._round)
        return RaceState(tuple(self._decisions), self._places(), self._round, self.ended)

    def _places(self) -> tuple[int, ...]:
        return tuple(int(i) for i in np.flatnonzero(self._in))

    def _add(self, values: Array) -> None:
        values = np.where(self._in, values, np.nan)
        differences = values[None, :] - values[:, None]
        both = ~np.isnan(differences)
        differences = np.where(both, differences, 0.0)
        self._n += both
        self._total += differences
        self._squares += differences**2

    def _leave_without_score(self) -> None:
        scored = ~np.isnan(self._values[:, : self._round]).all(axis=1)
        self._leave(self._in & ~scored, RaceStatus.UNDECIDED, NO_SCORE)

    def _leave_behind(self) -> None:
        behind = self._in & (self._reached(0.0) & self._in[None, :]).any(axis=1)
        if not behind[self._in].all():
            self._leave(behind, RaceStatus.BEHIND)

    def _leave(self, leaving: npt.NDArray[np.bool_], status: RaceStatus, reason: str = "") -> None:
        for i in np.flatnonzero(leaving):
            self._decisions[i] = RaceDecision(status, self._round, self._round, reason)
        self._in &= ~leaving

    def _reached(self, margin: float) -> npt.NDArray[np.bool_]:
        """Return for which pairs the evidence is enough.

        That the other is better; with a `margin` > 0, that it is by less than that.
        """
        total, squares = self._total, self._squares
        if margin:
            squares = squares - 2 * margin * total + self._n * margin**2
            total = self._n * margin - total
        limit = np.log((len(self._in) - 1) / self._rules.part)
        pairs = self._in[:, None] & self._in[None, :] & (total > 0)
        reached = np.zeros_like(pairs)
        reached[pairs] = log_t_evidence(self._n[pairs], total[pairs], squares[pairs]) >= limit
        return reached

    def _end(self) -> None:
        left = self._places()
        if self._rules.margin > 0:
            self._close |= self._reached(self._rules.margin)
        apart = ~self._close[np.ix_(left, left)] & ~np.eye(len(left), dtype=bool)
        status = RaceStatus.UNDECIDED
        if len(left) == 1:
            status = RaceStatus.BEST
        elif self._rules.margin > 0 and not apart.any():
            status = RaceStatus.WITHIN
        self.ended = status is not RaceStatus.UNDECIDED or self._round >= self._rules.max_seeds
        for i in left if self.ended else ():
            self._decisions[i] = replace(self._decisions[i], status=status)


def _matrix(scores: Scores, seeds: int) -> Array:
    """Return scores by configuration and seed, NaN where there is none (yet)."""
    values = np.full((len(scores), seeds), np.nan)
    for own, each in zip(values, scores, strict=True):
        own[: len(each)] = [np.nan if score is None else score for score in each[:seeds]]
    return values
