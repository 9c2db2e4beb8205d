"""One question, "is A better than B?", put to the results of a sweep or of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from espalier.analysis import arms
from espalier.analysis.anytime_tests import t_evidence
from espalier.analysis.arms import Arm, Draw, Pair
from espalier.analysis.comparing.anytime_answer import (
    Bounds,
    answer_anytime,
    bounds_anytime,
    seeds_anytime,
)
from espalier.analysis.comparing.made_alike import TrialPair, Unlike, unlike
from espalier.analysis.confidence import has_spread, resolution
from espalier.analysis.equivalence import Answer, PairedAnswer, answer
from espalier.analysis.power import seeds_for_equivalence, seeds_needed
from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.measures import Measure
from espalier.core.trial import Status

ALIKE = ("live_parameters", "steps", "total_time")
"""What a fair comparison has in common; where it differs, the verdict says so."""


@dataclass(frozen=True)
class Question:
    """Whether `first` is better than `second` by a measure, where `where` holds.

    `alpha` in 0..1 is the error rate, `margin` >= 0 what counts as equal, in the measure's unit.
    An answer that is `anytime` holds at whatever moment one looks, another for one look.
    """

    first: Arm
    second: Arm
    where: Arm
    by: Measure
    alpha: float
    margin: float
    anytime: bool = False


@dataclass(frozen=True)
class ArmVerdict:
    """The answer to a question: `pairs` of configurations with a draw in common, in plan order.

    `also` are choices that the question does not name and that tell the sides apart nevertheless,
    as the optimizer that a method needs. `unpaired` are pairs without a draw in common; `alone` the
    configurations of each side that agree with none of the other. `differences` are by draw,
    positive where the first side is better.
    """

    question: Question
    also: tuple[str, ...]
    pairs: tuple[Pair, ...]
    unpaired: tuple[Pair, ...]
    alone: tuple[tuple[Configuration, ...], tuple[Configuration, ...]]
    differences: Mapping[Draw, float]

    @cached_property
    def reply(self) -> PairedAnswer:
        """The answer with its numbers."""
        values, question = [*self.differences.values()], self.question
        if question.anytime:
            return answer_anytime(values, question.alpha, question.margin, self._evidence)
        return answer(values, question.alpha, question.margin)

    @cached_property
    def bounds(self) -> Bounds:
        """The ends of the interval at the level 1 - alpha; infinite without one."""
        question, difference = self.question, self.reply.difference
        if question.anytime:
            return bounds_anytime([*self.differences.values()], question.alpha, self._evidence)
        return (difference.low, difference.high) if difference else (-math.inf, math.inf)

    @property
    def n(self) -> int:
        """The number of draws behind the answer."""
        return len(self.differences)

    @property
    def has_spread(self) -> bool:
        """Whether differences are not all the same, so that chance can be judged."""
        difference = self.reply.difference
        return difference is not None and has_spread(difference)

    @property
    def seeds_needed(self) -> int | None:
        """About how many seeds would decide, those there are included, at the spread seen.

        None where it is decided, and where there is no spread or no difference to go by.
        """
        difference, question = self.reply.difference, self.question
        if self.reply.answer is not Answer.UNDECIDED or not self.has_spread:
            return None
        if difference is None or (sd := difference.deviation) is None:
            return None
        if question.anytime:
            values = [*self.differences.values()]
            return seeds_anytime(values, question.alpha, question.margin, self._evidence)
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

    def _evidence(self, differences: Sequence[float]) -> list[float]:
        """Return the evidence of differences that are means over pairs of rounded scores."""
        scores = [item.measure(self.question.by.name) for pair in self.trials for item in pair]
        step = resolution([score for score in scores if score is not None])
        return t_evidence(differences, step / math.sqrt(len(self.pairs) or 1))

    @property
    def _without(self) -> list[TrialResult]:
        name = self.question.by.name
        trials = [trial for item in self.configurations for trial in item.results]
        return [trial for trial in trials if trial.measure(name) is None]

    def _trials(self, first: Configuration, second: Configuration) -> list[TrialPair]:
        pairs, name = arms.same_draws(first, second), self.question.by.name
        return [pair for pair in pairs if all(item.measure(name) is not None for item in pair)]

    def _means(self, name: str) -> tuple[float, float] | None:
        """Return the means of a measure over the trials of each side that have a partner."""
        pairs = [(own.measure(name), other.measure(name)) for own, other in self.trials]
        both = [(own, other) for own, other in pairs if own is not None and other is not None]
        if not both:
            return None
        first, second = (math.fsum(values) / len(both) for values in zip(*both, strict=True))
        return first, second
