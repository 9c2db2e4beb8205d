"""Ranking: which configuration did best, and how sure that is. Pure functions over results.

A configuration is the trials that differ in SEED and SPLIT_SEED alone. It is scored by the mean of
one measure over its passed trials. Reaching the target sparsity ranks first, since to prune less
is easier; then a larger share of its planned trials that passed, since one that crashes on some
seeds is judged on the lucky ones only; then a better mean; the place in the plan last. One that was
stopped at a rung has no rank, whatever single seeds of it came to.

What is called behind the best is so with an error rate for the whole table (multiple_best.py):
among those with the validation samples of the best that reached their target like it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeGuard

from espalier.analysis.confidence import Interval, Verdict, interval, verdict
from espalier.analysis.multiple_best import behind_the_best
from espalier.core import measures
from espalier.core.measures import Measure
from espalier.core.trial import REPETITION, RUNG, Result, Status, Trial

SLACK = 0.001
"""A sparsity this far from its target still meets it: whole weights of small layers."""


class TrialResult(NamedTuple):
    """A trial with its result, and the number of attempts at it."""

    trial: Trial
    result: Result
    attempts: int

    @property
    def seed(self) -> str:
        """The canonical text of SEED; empty for a trial that has no seed."""
        return self.trial.config.get("SEED", "")

    @property
    def draw(self) -> tuple[str, ...]:
        """Which repetition of its configuration this is: SEED and SPLIT_SEED."""
        return tuple(self.trial.config.get(name, "") for name in REPETITION)

    @property
    def target(self) -> float:
        """The share of weights to be pruned; 0 for a trial without a target."""
        return self._target or 0.0

    @property
    def _target(self) -> float | None:
        """The target that the method measured itself by, else the symbol; None without either."""
        measured, symbol = self.measure("target_sparsity"), self.trial.config.get("TARGET_SPARSITY")
        return float(symbol) if measured is None and symbol is not None else measured

    @property
    def shortfall(self) -> float:
        """The target minus the sparsity reached; 0 where there is no target, or none measured."""
        reached = self.measure("final_sparsity")
        return 0.0 if reached is None or self._target is None else self._target - reached

    def measure(self, name: str) -> float | None:
        """Return a final scalar of a passed trial; None if it is absent or not a finite number."""
        value = self.result.measures.get(name)
        passed = self.result.status is Status.PASSED
        return float(value) if passed and _is_number(value) else None

    @property
    def scalars(self) -> list[str]:
        """The names of the finite numbers that a passed trial recorded."""
        return [name for name in self.result.measures if self.measure(name) is not None]


@dataclass(frozen=True)
class Configuration:
    """The trials that differ in SEED and SPLIT_SEED alone, in plan order.

    `scores` holds the ranking measure by draw, of the trials that passed with a finite one; no
    score, no rank. `lead` is by how much the best is better, over the draws that both have.
    `verdict` is how it compares with the best.
    """

    results: tuple[TrialResult, ...]
    scores: Mapping[tuple[str, ...], float]
    lead: Interval | None = None
    verdict: Verdict = Verdict.UNKNOWN

    @cached_property
    def score(self) -> Interval | None:
        """Mean and interval of the ranking measure."""
        return interval(list(self.scores.values()))

    @cached_property
    def counted(self) -> tuple[TrialResult, ...]:
        """The trials behind the score."""
        return tuple(item for item in self.results if item.draw in self.scores)

    @cached_property
    def first(self) -> Trial:
        """The trial that stands for the configuration: the first that is counted, if any is."""
        return (self.counted or self.results)[0].trial

    @property
    def complete(self) -> bool:
        """Whether every planned trial is counted."""
        return len(self.scores) == len(self.results)

    @cached_property
    def short(self) -> tuple[TrialResult, ...]:
        """The counted trials that are less sparse than their target."""
        return tuple(item for item in self.counted if item.shortfall > SLACK)

    @cached_property
    def samples(self) -> dict[str, str]:
        """The symbols that choose its validation samples, SPLIT_SEED aside."""
        return sampling(self.first, "VALIDATION_FRACTION")

    @cached_property
    def swept(self) -> dict[str, str]:
        """The swept symbols of its trials, the seeds left out, with their values."""
        return swept_values(self.first)

    @property
    def pending(self) -> int:
        """Trials still to be run."""
        return sum(item.result.status is Status.NOTRUN for item in self.results)

    def measure(self, name: str) -> Interval | None:
        """Return mean and interval of a measure over the counted trials that have it."""
        if name not in self._measured:
            values = [item.measure(name) for item in self.counted]
            self._measured[name] = interval([value for value in values if value is not None])
        return self._measured[name]

    @cached_property
    def _measured(self) -> dict[str, Interval | None]:
        """What `measure` returned before, by name."""
        return {}


@dataclass(frozen=True)
class Ranking:
    """Configurations best first, and those without a score, in plan order.

    `by` is a text of `RANK_BY`: one measure or more. `raced` says that a race gave out the seeds,
    by what they showed, so that verdicts of seeds set beforehand do not hold.
    """

    by: str
    ranked: tuple[Configuration, ...]
    unranked: tuple[Configuration, ...]
    raced: bool = False

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All of them, the ranked ones first."""
        return (*self.ranked, *self.unranked)

    @property
    def measure(self) -> Measure:
        """The measure that ranks, the first of `by`."""
        return self.measures[0]

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """All measures of `by`, which have a front together."""
        return measures.measures_of(self.by)

    @property
    def best(self) -> Configuration | None:
        """The first; None when no trial passed with what ranks."""
        return self.ranked[0] if self.ranked else None

    @cached_property
    def tested(self) -> int:
        """How many configurations can be compared with the best, itself among them."""
        return sum(comparable(item, self.ranked[0]) for item in self.ranked)

    def level(self, item: Configuration) -> bool:
        """Return whether a configuration ties with the best, and comes later in the plan."""
        best = self.ranked[0]
        if item is best or item.samples != best.samples:
            return False
        own, top = (_order(each, self.measure)[:-1] for each in (item, best))
        return own == top


def rank(
    results: Iterable[tuple[Trial, Result, int]], by: str = "val_acc", raced: bool = False
) -> Ranking:
    """Rank the configurations of a sweep by the mean of `by`; see the module for the order.

    Of several measures the first ranks. The order of `results` does not matter. Raises UserError
    if `by` is no text of `RANK_BY`.
    """
    measure = measures.measures_of(by)[0]
    every = [Configuration(group, _complete_scores(group, measure)) for group in grouped(results)]
    ranked = sorted((item for item in every if item.scores), key=lambda item: _order(item, measure))
    compared = with_verdicts(ranked, measure)
    unranked = tuple(item for item in every if not item.scores)
    return Ranking(by, tuple(compared), unranked, raced)


def recorded(results: Iterable[TrialResult]) -> list[str]:
    """Return the names of all scalars that passed trials recorded, in order of appearance."""
    names: dict[str, None] = {}
    for item in results:
        for name in item.result.measures:
            if name not in names and item.measure(name) is not None:
                names[name] = None
    return list(names)


def grouped(results: Iterable[tuple[Trial, Result, int]]) -> list[tuple[TrialResult, ...]]:
    """Group results by configuration, both in plan order."""
    groups: dict[frozenset[tuple[str, str]], list[TrialResult]] = {}
    wrapped = (TrialResult(*each) for each in results)
    for item in sorted(wrapped, key=lambda item: item.trial.number):
        groups.setdefault(item.trial.configuration, []).append(item)
    return [tuple(group) for group in groups.values()]


def lead(best: Configuration, other: Configuration, by: Measure) -> Interval | None:
    """Return by how much `best` is better, the mean over the draws both have a score for.

    None if there are none, or if the two were validated on different samples.
    """
    if best.samples != other.samples:
        return None
    common = [draw for draw in best.scores if draw in other.scores]
    return interval([by.sign * (best.scores[draw] - other.scores[draw]) for draw in common])


def comparable(item: Configuration, best: Configuration) -> bool:
    """Return whether one may be behind the other: the same samples, and both met their target."""
    return item.samples == best.samples and bool(item.short) == bool(best.short)


def with_verdicts(ranked: Sequence[Configuration], by: Measure) -> list[Configuration]:
    """Return the configurations, best first, with how each compares with the best of them."""
    places = [n for n, item in enumerate(ranked) if comparable(item, ranked[0])]
    signed = [{d: by.sign * score for d, score in ranked[n].scores.items()} for n in places]
    behind = dict(zip(places, behind_the_best(signed), strict=True))
    compared = []
    for place, item in enumerate(ranked):
        own = lead(ranked[0], item, by)
        said = _verdict(own, behind[place]) if place in behind else Verdict.UNKNOWN
        compared.append(replace(item, lead=own, verdict=said))
    return compared


def _verdict(own: Interval | None, behind: bool) -> Verdict:
    """Return what is said of one that is comparable; it may be behind another than the best."""
    if behind:
        return Verdict.BEHIND
    return Verdict.TIED if verdict(own) is not Verdict.UNKNOWN else Verdict.UNKNOWN


def sampling(trial: Trial, *names: str) -> dict[str, str]:
    """Return the symbols that choose a trial's data: DATASET, its options, and `names`.

    How the data changes while it trains is part of it.
    """
    own = (trial.config.get("DATASET", "").upper() + "_", "SHIFT_")
    chosen = ("DATASET", "SHIFT", *names)
    return {n: text for n, text in trial.config.items() if n in chosen or n.startswith(own)}


def _is_number(value: object) -> TypeGuard[float]:
    """Return whether it is a finite number; a switch is none."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return math.isfinite(value)


def scores(results: Iterable[TrialResult], by: str) -> dict[tuple[str, ...], float]:
    """Return the measure `by` of each draw, of the trials that passed with a finite one."""
    values = {item.draw: item.measure(by) for item in results}
    return {draw: value for draw, value in values.items() if value is not None}


def _complete_scores(group: Sequence[TrialResult], by: Measure) -> dict[tuple[str, ...], float]:
    """Return the scores of a configuration; none of one that was stopped early.

    A seed of it may have come to its end before that, and is no equal of those that were let go on.
    """
    stopped = any(item.result.reason == RUNG for item in group)
    return {} if stopped else scores(group, by.name)


def _order(item: Configuration, by: Measure) -> tuple[bool, float, float, int]:
    """Return what configurations are sorted by; rounding error must not break a tie of means."""
    mean = round(by.sign * item.score.mean, 9) if item.score else -math.inf
    lost = 1 - len(item.scores) / len(item.results)
    return (bool(item.short), lost, -mean, item.results[0].trial.number)


def swept_values(trial: Trial) -> dict[str, str]:
    """Return the swept symbols of a trial, its seeds left out, with their values."""
    return {name: text for name, text in trial.swept.items() if name not in REPETITION}
