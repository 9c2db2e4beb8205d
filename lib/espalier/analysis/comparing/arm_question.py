"""One question, "is A better than B?", put to the results of a sweep or of several."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from espalier.analysis import arms
from espalier.analysis.arms import Arm, Draw, Pair
from espalier.analysis.comparing.anytime_answer import (
    Bounds,
    Evidence,
    answer_anytime,
    bounds_anytime,
)
from espalier.analysis.comparing.made_alike import TrialPair, Unlike, unlike
from espalier.analysis.confidence import has_spread
from espalier.analysis.equivalence import Answer, PairedAnswer, answer
from espalier.analysis.power import seeds_for_equivalence, seeds_needed
from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.core.trial import REPETITION, Status

COMPARED = 200  # configurations of each side that a message looks at
ALIKE = ("live_parameters", "steps", "total_time")
"""What a fair comparison has in common; where it differs, the verdict says so."""


@dataclass(frozen=True)
class Question:
    """Whether `first` is better than `second` by a measure, where `where` holds.

    `alpha` in 0..1 is the error rate, `margin` >= 0 what counts as equal, in the measure's unit.
    With `evidence` the answer holds at whatever moment one looks, without it for one look.
    """

    first: Arm
    second: Arm
    where: Arm
    by: Measure
    alpha: float
    margin: float
    evidence: Evidence | None = None


@dataclass(frozen=True)
class ArmVerdict:
    """The answer to a question: `pairs` of configurations with a draw in common, in plan order.

    `unpaired` are pairs without one; `alone` the configurations of each side that agree with none
    of the other. `differences` are by draw, positive where the first side is better.
    """

    question: Question
    pairs: tuple[Pair, ...]
    unpaired: tuple[Pair, ...]
    alone: tuple[tuple[Configuration, ...], tuple[Configuration, ...]]
    differences: Mapping[Draw, float]

    @cached_property
    def found(self) -> PairedAnswer:
        """The answer with its numbers."""
        values, question = [*self.differences.values()], self.question
        if question.evidence is None:
            return answer(values, question.alpha, question.margin)
        return answer_anytime(values, question.alpha, question.margin, question.evidence)

    @cached_property
    def bounds(self) -> Bounds:
        """The ends of the interval at the level 1 - alpha; infinite without one."""
        question, difference = self.question, self.found.difference
        if question.evidence is not None:
            return bounds_anytime([*self.differences.values()], question.alpha, question.evidence)
        return (difference.low, difference.high) if difference else (-math.inf, math.inf)

    @property
    def n(self) -> int:
        """The number of draws behind the answer."""
        return len(self.differences)

    @property
    def seeds_needed(self) -> int | None:
        """About how many seeds would decide, those there are included, at the spread seen.

        None where it is decided, and where there is no spread or no difference to go by.
        """
        difference = self.found.difference
        if self.found.answer is not Answer.UNDECIDED or difference is None:
            return None
        if not has_spread(difference) or not difference.error:
            return None
        sd, question = difference.error * math.sqrt(difference.n), self.question
        numbers = [
            seeds_needed(difference.mean, sd, question.alpha),
            seeds_for_equivalence(question.margin, sd, question.alpha, difference.mean),
        ]
        least = min((number for number in numbers if number is not None), default=None)
        return None if least is None else max(least, self.n + 1)

    @property
    def trials(self) -> list[TrialPair]:
        """The trials of both sides of each pair that have the same draw and a number."""
        return [pair for first, second in self.pairs for pair in self._trials(first, second)]

    @property
    def unlike(self) -> list[Unlike]:
        """In what the two sides were not made alike."""
        return unlike(self.trials)

    @property
    def unequal(self) -> dict[str, tuple[float, float]]:
        """What a fair comparison has in common and this one has not: the means of both sides."""
        means = {name: self._means(name) for name in ALIKE}
        return {name: both for name, both in means.items() if both and both[0] != both[1]}

    @property
    def configurations(self) -> list[Configuration]:
        """All that stand side by side with another, each once, in plan order."""
        every = [item for pair in (*self.pairs, *self.unpaired) for item in pair]
        return arms.in_plan_order({id(item): item for item in every}.values())

    @property
    def lost(self) -> list[TrialResult]:
        """The trials of both sides that ended without a number of the measure."""
        return [item for item in self._without if item.result.status is not Status.NOTRUN]

    @property
    def pending(self) -> list[TrialResult]:
        """The trials of both sides that have not been run yet."""
        return [item for item in self._without if item.result.status is Status.NOTRUN]

    @property
    def dropped(self) -> list[Draw]:
        """The draws that some pairs have and not all, and that count for nothing."""
        every = [draw for pair in self.pairs for draw in arms.paired(*pair, self.question.by)]
        return [draw for draw in dict.fromkeys(every) if draw not in self.differences]

    @property
    def _without(self) -> list[TrialResult]:
        name = self.question.by.name
        trials = [trial for item in self.configurations for trial in item.results]
        return [trial for trial in trials if trial.measure(name) is None]

    def _trials(self, first: Configuration, second: Configuration) -> list[TrialPair]:
        own = {item.draw: item for item in first.results}
        others = {item.draw: item for item in second.results}
        return [(own[draw], others[draw]) for draw in arms.paired(first, second, self.question.by)]

    def _means(self, name: str) -> tuple[float, float] | None:
        """Return the means of a measure over the trials of each side that have a partner."""
        pairs = [(own.measure(name), other.measure(name)) for own, other in self.trials]
        both = [(own, other) for own, other in pairs if own is not None and other is not None]
        if not both:
            return None
        first, second = (math.fsum(values) / len(both) for values in zip(*both, strict=True))
        return first, second


def ask(every: Sequence[Configuration], question: Question) -> ArmVerdict:
    """Return the verdict on a question by the results of `every` configuration.

    Raises UserError if the sides are the same, overlap, are not comparable or do not match.
    """
    question = _resolved(every, question)
    first, second, by = question.first, question.second, question.by
    pairs = arms.match(every, first, second, question.where)
    if not pairs:
        raise UserError(_unmatched(every, question))
    _check_samples(pairs)
    met = [pair for pair in pairs if arms.paired(*pair, by)]
    return ArmVerdict(
        question,
        tuple(met),
        tuple(pair for pair in pairs if not arms.paired(*pair, by)),
        (_alone(every, question, 0, pairs), _alone(every, question, 1, pairs)),
        arms.differences(met, by),
    )


def _resolved(every: Sequence[Configuration], question: Question) -> Question:
    """Return the question in the words of the trials. Raises UserError if it is none."""
    named = {"A": question.first, "B": question.second, "WHERE": question.where}
    first, second, where = (arms.resolve(arm, every, name) for name, arm in named.items())
    place = f"A={first} and B={second}"
    if first == second:
        raise UserError(f"{place}: are the same; give B another value")
    both = [item.first.name for item in every if first.holds(item) and second.holds(item)]
    if both:
        raise UserError(f"{place}: overlap in {_some(both)}; no configuration may be of both")
    if first.values and second.values and not first.values.keys() & second.values.keys():
        raise UserError(f"{place}: must give values of the same symbol")
    return replace(question, first=first, second=second, where=where)


def _check_samples(pairs: Iterable[Pair]) -> None:
    """Raise UserError if two of a pair were validated on different samples."""
    for first, second in pairs:
        names = {**first.samples, **second.samples}
        mixed = [name for name in names if first.samples.get(name) != second.samples.get(name)]
        if mixed:
            raise UserError(
                f"{first.first.name} and {second.first.name} were validated on different samples "
                f"(CONFIG_{mixed[0]}), so no seed of one is a pair of the other"
            )


def _alone(
    every: Sequence[Configuration], question: Question, side: int, pairs: Sequence[Pair]
) -> tuple[Configuration, ...]:
    """Return the configurations of a side that are in none of the pairs."""
    met = {id(pair[side]) for pair in pairs}
    items = _of_side(every, (question.first, question.second)[side], question.where)
    return tuple(item for item in items if id(item) not in met)


def _of_side(every: Sequence[Configuration], arm: Arm, where: Arm) -> list[Configuration]:
    return arms.in_plan_order(item for item in every if arm.holds(item) and where.allows(item))


def _unmatched(every: Sequence[Configuration], question: Question) -> str:
    """Return why no two configurations stand side by side."""
    first, second, where = question.first, question.second, question.where
    place = f"A={first} and B={second}" + f" where {where}" * bool(where.values)
    for name, arm in (("A", first), ("B", second)):
        if not _of_side(every, arm, where):
            return f"{place}: no configuration of {name} is there"
    own, others = (_of_side(every, arm, where)[:COMPARED] for arm in (first, second))
    free = arms.distinguishing(first, second)
    nearest = min((_differing(a, b, free) for a in own for b in others), key=len)
    listed = ", ".join(f"CONFIG_{name}" for name in nearest)
    return f"{place}: no two agree in all other symbols; the nearest differ in {listed or where}"


def _differing(first: Configuration, second: Configuration, free: set[str]) -> list[str]:
    own, other = first.first.config, second.first.config
    names = [name for name in own if name in other and name not in {*free, *REPETITION}]
    return [name for name in names if own[name] != other[name]]


def _some(names: Sequence[str]) -> str:
    return names[0] + f" and {len(names) - 1} more" * (len(names) > 1)
