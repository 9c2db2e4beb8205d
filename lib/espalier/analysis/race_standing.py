"""How a race stands: what is decided by the results so far, in the order of its seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from espalier.analysis.race_decisions import Race, RaceDecision, RaceRules, RaceState
from espalier.analysis.rank import TrialResult, grouped
from espalier.core import measures
from espalier.core.measures import Measure
from espalier.core.records import FIRST_SEEDS, RaceRecord
from espalier.core.trial import REPETITION, Result, Status, Trial

SEED, _ = REPETITION


@dataclass(frozen=True)
class RacedConfiguration:
    """A configuration, its results in the order of the race's seeds, and what is decided."""

    results: tuple[TrialResult, ...]
    decision: RaceDecision
    mean: float | None  # over the seeds that it was judged by

    @property
    def first(self) -> Trial:
        """The trial that stands for it."""
        return self.results[0].trial

    @property
    def spent(self) -> int:
        """Its trials that have ended."""
        return sum(item.result.status is not Status.NOTRUN for item in self.results)


@dataclass(frozen=True)
class RaceStanding:
    """The configurations of a race in plan order, those still in, and the rounds decided."""

    rules: RaceRecord
    configurations: tuple[RacedConfiguration, ...]
    state: RaceState

    @property
    def measure(self) -> Measure:
        """What it is about."""
        return measures.find(self.rules.by)

    @property
    def survivors(self) -> tuple[RacedConfiguration, ...]:
        """The configurations that are still in."""
        return tuple(self.configurations[i] for i in self.state.survivors)

    @property
    def leader(self) -> RacedConfiguration | None:
        """The best of those still in by its mean, the first in the plan of equals."""
        means = [item for item in self.survivors if item.mean is not None]
        return max(means, key=lambda item: self.measure.sign * (item.mean or 0.0), default=None)

    @property
    def spent(self) -> int:
        """The trials that have ended, those that no decision needed included."""
        return sum(item.spent for item in self.configurations)

    @property
    def full(self) -> int:
        """The trials of all seeds for all configurations."""
        return len(self.configurations) * self.rules.max_seeds


def standing(
    results: Iterable[tuple[Trial, Result, int]],
    rules: RaceRecord,
    unfinished: Collection[int] = (),
    race: Race | None = None,
) -> RaceStanding:
    """Return how a race stands by the results of its trials, whatever their order.

    Trials that have not ended, or whose number is `unfinished`, have no score yet: their
    configuration is judged by the seeds before. One that ended otherwise than passed has none.
    A `race` that has judged the first of these results goes on from there.
    """
    order, name = rules.order, measures.find(rules.by).name
    groups = [_in_order(group, order) for group in grouped(results)]
    scores = [_scores(group, order, name, unfinished) for group in groups]
    state = (race or begin(len(groups), rules)).advance(scores)
    raced = (
        RacedConfiguration(group, decision, _mean(own[: decision.seeds]))
        for group, own, decision in zip(groups, scores, state.decisions, strict=True)
    )
    return RaceStanding(rules, tuple(raced), state)


def begin(configurations: int, rules: RaceRecord) -> Race:
    """Return the race of so many configurations, before its first round."""
    limits = RaceRules(rules.alpha, rules.margin, FIRST_SEEDS, rules.max_seeds)
    return Race(configurations, limits, measures.find(rules.by))


def _in_order(group: Sequence[TrialResult], order: Sequence[str]) -> tuple[TrialResult, ...]:
    places = {seed: place for place, seed in enumerate(order)}
    return tuple(sorted(group, key=lambda item: places.get(item.trial.config[SEED], math.inf)))


def _scores(
    group: Sequence[TrialResult], order: Sequence[str], name: str, unfinished: Collection[int]
) -> list[float | None]:
    """Return the scores of the first seeds, as many in a row as have ended."""
    scores: list[float | None] = []
    for item, seed in zip(group, order, strict=False):
        ended = item.result.status is not Status.NOTRUN and item.trial.number not in unfinished
        if item.trial.config[SEED] != seed or not ended:
            break
        scores.append(item.measure(name))
    return scores


def _mean(scores: Sequence[float | None]) -> float | None:
    numbers = [score for score in scores if score is not None]
    return fmean(numbers) if numbers else None
