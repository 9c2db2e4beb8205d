"""Ranking: which configuration did best, and how sure that is. Pure functions over results.

A configuration is the trials that differ in SEED alone. It is scored by the mean of one measure
over its passed trials. A larger share of its planned trials that passed ranks first, a higher
mean second, the place in the plan last: a configuration that crashes on some seeds is judged on
the lucky ones only, so it never beats one that finished them all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from espalier.errors import UserError
from espalier.sweep.interval import Interval, Verdict, interval, verdict
from espalier.trial import Result, Status, Trial

MEASURES = {"val_acc": "validation accuracy", "test_acc": "test accuracy"}
"""What may rank configurations; in percent, higher is better."""


class Outcome(NamedTuple):
    """A trial, how it stands, and how often it was tried."""

    trial: Trial
    result: Result
    attempts: int

    @property
    def seed(self) -> str:
        """The canonical text of SEED; empty for a trial that knows no seed."""
        return self.trial.config.get("SEED", "")

    def measure(self, name: str) -> float | None:
        """A final scalar of a passed trial; None if it is absent or not a finite number."""
        value = self.result.measures.get(name)
        if self.result.status is not Status.PASSED or not isinstance(value, (int, float)):
            return None
        return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class Configuration:
    """The trials that differ in SEED alone, in plan order.

    `scores` holds the ranking measure by seed, of the trials that passed with a finite one; no
    score, no rank. `lead` is the mean of (best minus this) over the seeds that both have.
    """

    outcomes: tuple[Outcome, ...]
    scores: Mapping[str, float]
    lead: Interval | None = None

    @property
    def score(self) -> Interval | None:
        """Mean and interval of the ranking measure."""
        return interval(list(self.scores.values()))

    @property
    def counted(self) -> tuple[Outcome, ...]:
        """The trials behind the score."""
        return tuple(item for item in self.outcomes if item.seed in self.scores)

    @property
    def first(self) -> Trial:
        """The trial that stands for the configuration: the first that is counted, if any is."""
        return (self.counted or self.outcomes)[0].trial

    @property
    def complete(self) -> bool:
        """Whether every planned seed is counted."""
        return len(self.scores) == len(self.outcomes)

    @property
    def pending(self) -> int:
        """Trials still to be run."""
        return sum(item.result.status is Status.NOTRUN for item in self.outcomes)

    @property
    def verdict(self) -> Verdict:
        """How it compares with the best."""
        return verdict(self.lead)

    def measure(self, name: str) -> Interval | None:
        """Mean of a measure over the counted trials that have it."""
        found = [item.measure(name) for item in self.counted]
        return interval([value for value in found if value is not None])


@dataclass(frozen=True)
class Ranking:
    """Configurations best first, and those that nothing can be said of, in plan order."""

    by: str
    ranked: tuple[Configuration, ...]
    unranked: tuple[Configuration, ...]

    @property
    def best(self) -> Configuration | None:
        """The first; None when no trial passed."""
        return self.ranked[0] if self.ranked else None

    def level(self, item: Configuration) -> bool:
        """Whether a configuration has the best one's score, and comes later in the plan."""
        best = self.ranked[0]
        return item is not best and _order(item)[:2] == _order(best)[:2]


def rank(results: Iterable[tuple[Trial, Result, int]], by: str = "val_acc") -> Ranking:
    """Rank the configurations of a sweep by the mean of `by`; see the module for the order.

    The order of `results` does not matter. Raises UserError if `by` is no ranking measure.
    """
    if by not in MEASURES:
        raise UserError(f"RANK_BY={by}: must be one of {', '.join(MEASURES)}")
    found = [Configuration(group, _scores(group, by)) for group in grouped(results)]
    ranked = sorted((item for item in found if item.scores), key=_order)
    compared = [replace(item, lead=lead(ranked[0], item)) for item in ranked]
    return Ranking(by, tuple(compared), tuple(item for item in found if not item.scores))


def grouped(results: Iterable[tuple[Trial, Result, int]]) -> list[tuple[Outcome, ...]]:
    """Outcomes by configuration, both in plan order."""
    groups: dict[frozenset[tuple[str, str]], list[Outcome]] = {}
    for outcome in sorted((Outcome(*item) for item in results), key=lambda item: item.trial.number):
        rest = {key: text for key, text in outcome.trial.config.items() if key != "SEED"}
        groups.setdefault(frozenset(rest.items()), []).append(outcome)
    return [tuple(group) for group in groups.values()]


def lead(best: Configuration, other: Configuration) -> Interval | None:
    """The mean of best minus other over the seeds both have a score for; None if there are none."""
    common = [seed for seed in best.scores if seed in other.scores]
    return interval([best.scores[seed] - other.scores[seed] for seed in common])


def _scores(outcomes: Iterable[Outcome], by: str) -> dict[str, float]:
    found = {item.seed: item.measure(by) for item in outcomes}
    return {seed: value for seed, value in found.items() if value is not None}


def _order(item: Configuration) -> tuple[float, float, int]:
    score = interval(list(item.scores.values()))
    mean = round(score.mean, 9) if score else -math.inf  # rounding error must not break a tie
    return (1 - len(item.scores) / len(item.outcomes), -mean, item.outcomes[0].trial.number)
