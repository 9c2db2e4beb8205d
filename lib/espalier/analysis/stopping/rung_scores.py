"""What trials have shown at rungs, and the courses of their configurations."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from espalier.analysis.stopping.stop_decisions import Course
from espalier.core.errors import UserError
from espalier.core.measures import Measure, listed
from espalier.core.trial import RUNG, Record, Result, Status, Trial
from espalier.plan.stopping.stop_rules import RungRule, StopRules, epochs_of

RUNG_EPOCH = "rung_epoch"
"""The measure of a stopped trial that says after which epoch of its rungs that was."""

RUNG_SCORE = "rung_score"
"""The measure of a stopped trial that is the mean of its configuration there."""


@dataclass
class RungConfiguration:
    """The trials of a configuration, with the scores of each by rung; the larger the better.

    `scores` and `sparsities`, the share of weights that are zero, are by the number of the trial.
    Those that are `over` come to no further score; of them the ones with `errors` are missing
    where they did not come, as they say nothing about how good the configuration is.
    """

    trials: Sequence[Trial]
    rungs: Sequence[int]
    scores: dict[int, dict[int, float]] = field(default_factory=dict)
    sparsities: dict[int, dict[int, float]] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    errors: set[int] = field(default_factory=set)
    stopped: int = 0

    def take_in(self, number: int, results: Iterable[Result], by: Measure) -> None:
        """Take in what the attempts at a trial came to, in order.

        Of what was shown twice at a rung the first counts. Raises UserError if an epoch lacks the
        measure that decides.
        """
        shown = self.scores.setdefault(number, {})
        for result in results:
            for rung in self.rungs:
                if rung not in shown and (record := _record_at(result, rung)) is not None:
                    self.add(number, rung, record, by)
            if result.reason == RUNG:
                self.stopped = int(result.measures.get(RUNG_EPOCH, 0))
            (self.errors.add if result.status is Status.ERROR else self.errors.discard)(number)

    def add(self, number: int, rung: int, record: Mapping[str, object], by: Measure) -> None:
        """Take in the record that counts for a trial at a rung. Raises as `take_in` does."""
        score = score_of(record, by, self._name(number))
        self.scores.setdefault(number, {})[rung] = score
        self.sparsities.setdefault(number, {})[rung] = _sparsity(record)

    def _name(self, number: int) -> str:
        return next(trial.name for trial in self.trials if trial.number == number)

    @property
    def course(self) -> Course:
        """What the configuration has shown, the mean of its trials at each rung that all are at."""
        came = {rung: scores for rung in self.rungs if (scores := self.scores_at(rung))}
        means = {rung: fmean(scores) for rung, scores in came.items()}
        percents = {rung: self._percent(rung) for rung in came}
        return Course(self.rungs, means, percents, self._is_lost(len(came)), self.stopped)

    def scores_at(self, rung: int) -> list[float]:
        """Return the scores of its trials at a rung; none while one may come, or if one failed."""
        shown = {trial.number: self.scores.get(trial.number, {}).get(rung) for trial in self.trials}
        if any(score is None and not self._is_error(n) for n, score in shown.items()):
            return []
        return [score for score in shown.values() if score is not None]

    def _is_error(self, number: int) -> bool:
        return number in self.errors and number in self.over

    def _percent(self, rung: int) -> int:
        return round(100 * fmean(each[rung] for each in self.sparsities.values() if rung in each))

    def _is_lost(self, reached: int) -> bool:
        """Return whether none of it is under way to its next rung, and some never come there."""
        if reached == len(self.rungs):
            return False
        rung = self.rungs[reached]
        return all(
            rung in self.scores.get(trial.number, {}) or trial.number in self.over
            for trial in self.trials
        )


def rung_configurations(
    trials: Iterable[Trial], rules: StopRules, open_numbers: Collection[int]
) -> list[RungConfiguration]:
    """Return the configurations of trials in the order in which they are judged.

    Successive halving without waiting takes them by their ids, which are as good as drawn; else the
    order matters only between equals, and is that of the plan.
    """
    groups: dict[frozenset[tuple[str, str]], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.configuration, []).append(trial)
    ordered = list(groups.values())
    if rules.rule is RungRule.ASHA:
        ordered.sort(key=lambda group: group[0].id)
    return [
        RungConfiguration(
            group,
            rules.rungs(min(map(epochs_of, group))),
            over={trial.number for trial in group} - {*open_numbers},
        )
        for group in ordered
    ]


def score_of(record: Mapping[str, object], by: Measure, name: str) -> float:
    """Return how good an epoch of the trial `name` was: minus infinity if it has no finite number.

    Raises UserError if it has nothing of that name.
    """
    if by.name not in record:
        numbers = [key for key in record if not key.startswith("epoch")]
        rule = f"its epochs have {listed(numbers)}; set CONFIG_STOP_BY to one of them"
        raise UserError(f"{name}: no epoch has {by.name}, by which configurations stop: {rule}")
    value = record[by.name]
    if isinstance(value, (int, float)) and math.isfinite(value):
        return by.sign * float(value)
    return -math.inf


def _sparsity(record: Mapping[str, object]) -> float:
    """Return the share of weights that are zero in an epoch; 0 where none is recorded."""
    value = record.get("sparsity", record.get("final_sparsity"))
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def _record_at(result: Result, rung: int) -> Record | None:
    """Return the record of the first epoch from the rung on; of a shorter run, what it ended with.

    None if it has not come so far.
    """
    numbered = (record for record in result.history if int(record.get("epoch") or 0) >= rung)
    if (record := next(numbered, None)) is not None:
        return record
    if result.status is not Status.PASSED:
        return None
    return result.history[-1] if result.history else result.measures
