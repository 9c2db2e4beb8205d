"""Which configurations were stopped where, and how all that came to a rung compare there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espalier.analysis.rank import TrialResult
from espalier.analysis.stopping.rung_scores import RungConfiguration, rung_configurations
from espalier.core.trial import EPOCHS, Result, Status, Trial
from espalier.plan.stopping.stop_rules import StopRules, epochs_of
from espalier.scripts.script_identity import is_of_own_code


@dataclass(frozen=True)
class RungEntry:
    """A configuration at a rung: its first trial, and its mean score in the measure's own unit.

    `percent` of its weights are zero there: it is compared with those that are as sparse. So many
    of its seeds are `missing` there, as they ended in errors before.
    """

    first: Trial
    score: float
    percent: int
    stopped: bool  # there
    missing: int = 0


@dataclass(frozen=True)
class Rung:
    """The configurations that came to a rung with all of their seeds.

    The least sparse come first, and of those that are as sparse as each other the best.
    """

    epoch: int
    entries: tuple[RungEntry, ...]

    @property
    def stopped(self) -> int:
        """How many were stopped here."""
        return sum(entry.stopped for entry in self.entries)


@dataclass(frozen=True)
class StopStanding:
    """How a sweep stands whose configurations stop early.

    Of `full` epochs of all trials, so many were `trained`, without those of a program that began
    anew. Of all `configurations`, so many came to their end with every seed, and so many are
    `underway`: these are at no rung here, since what they have shown is not final.
    """

    rules: StopRules
    rungs: tuple[Rung, ...]
    trained: int
    full: int
    configurations: int
    complete: int
    underway: int


def stop_standing(results: Sequence[TrialResult], rules: StopRules) -> StopStanding:
    """Return how the trials of a sweep stand, by what is recorded of those that have ended."""
    by_number = {item.trial.number: item.result for item in results}
    every = rung_configurations((item.trial for item in results), rules, ())
    for each in every:
        for trial in each.trials:
            each.take_in(trial.number, [by_number[trial.number]], rules.by)
    passed = {number for number, result in by_number.items() if result.status is Status.PASSED}
    unended = {n for n, r in by_number.items() if r.status in (Status.NOTRUN, Status.RUNNING)}
    return StopStanding(
        rules,
        tuple(_rungs(every, rules)),
        sum(map(_reached, by_number.values())),
        sum(_lengths(results)),
        len(every),
        sum(all(trial.number in passed for trial in each.trials) for each in every),
        sum(any(trial.number in unended for trial in each.trials) for each in every),
    )


def _reached(result: Result) -> int:
    """Return the number of the last epoch of a trial."""
    return int(result.history[-1].get("epoch") or len(result.history)) if result.history else 0


def _lengths(results: Sequence[TrialResult]) -> Iterable[int]:
    """Yield how many epochs each trial has in full.

    A program need not heed CONFIG_NUM_EPOCHS: its trials are as long as those with the same that
    have passed.
    """
    ends = dict[str, int]()
    for item in results:
        if item.result.status is Status.PASSED and is_of_own_code(item.trial.config):
            epochs = item.trial.config.get(EPOCHS, "")
            ends[epochs] = max(_reached(item.result), ends.get(epochs, 0))
    for item in results:
        usual = ends.get(item.trial.config.get(EPOCHS, ""), 0)
        own = is_of_own_code(item.trial.config)
        yield max((own and usual) or epochs_of(item.trial), _reached(item.result))


def _rungs(every: Sequence[RungConfiguration], rules: StopRules) -> Iterable[Rung]:
    shown = [(each, each.course) for each in every]
    for epoch in sorted({rung for each in every for rung in each.rungs}):
        entries = [
            RungEntry(
                each.trials[0],
                rules.by.sign * course.scores[epoch],
                course.percents[epoch],
                each.stopped == epoch,
                len(each.trials) - len(each.scores_at(epoch)),
            )
            for each, course in shown
            if epoch in course.scores
        ]
        entries.sort(key=lambda entry: (entry.percent, -rules.by.sign * entry.score))
        if entries:
            yield Rung(epoch, tuple(entries))
