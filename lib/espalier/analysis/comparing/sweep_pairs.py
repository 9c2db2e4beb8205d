"""Two sweeps side by side, paired by configuration and draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from espalier.analysis import arms
from espalier.analysis.arms import Pair
from espalier.analysis.comparing.made_alike import TrialPair, Unlike, unlike
from espalier.analysis.equivalence import Answer, PairedAnswer, answer
from espalier.analysis.multiple_tests import holm
from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.measures import Measure
from espalier.core.trial import REPETITION, Record, Result
from espalier.plan.outside_files.weights_file import identity_part

CLOCKS = (
    *("seconds", "total_time", "started"),
    *("gpu_use", "gpu_power", "gpu_memory", "gpu_energy"),
)
"""What a clock or a driver says of a trial, beside all that ends in `_seconds`: never the same."""

Setting = tuple[str, str, str]
"""A symbol with its value in the first and in the second sweep; empty where a sweep has none."""


@dataclass(frozen=True)
class PairedSweeps:
    """Two sweeps: `settings` in which all their trials differ, and `pairs` of configurations.

    Two configurations are a pair if they agree in all else. `alone` are those of each sweep without
    one in the other.
    """

    by: Measure
    alpha: float
    settings: tuple[Setting, ...]
    pairs: tuple[Pair, ...]
    alone: tuple[tuple[Configuration, ...], tuple[Configuration, ...]]

    @cached_property
    def answers(self) -> list[PairedAnswer]:
        """For each pair what its draws say; positive where the first sweep is better."""
        return [
            answer([*arms.paired(*pair, self.by).values()], self.alpha, 0.0) for pair in self.pairs
        ]

    @cached_property
    def said(self) -> list[Answer]:
        """For each pair what is left of its answer once corrected by Holm for their number."""
        corrected = holm([item.p for item in self.answers], len(self.answers))
        return [
            item.answer if p <= self.alpha else Answer.UNDECIDED
            for item, p in zip(self.answers, corrected, strict=True)
        ]

    @property
    def over_all(self) -> PairedAnswer:
        """What the draws that all pairs have say, each with its mean over pairs."""
        values = arms.differences(self.pairs, self.by).values()
        return answer([*values], self.alpha, 0.0)

    @cached_property
    def trials(self) -> list[TrialPair]:
        """The trials of both sides of each pair that have the same draw and have been run."""
        return [both for pair in self.pairs for both in _ended(*pair)]

    @property
    def unlike(self) -> list[Unlike]:
        """In what the trials of both sweeps were not made alike."""
        return unlike(self.trials)

    @property
    def identical(self) -> int:
        """How many pairs of trials are the same to the bit, in all but what a clock measured."""
        return sum(is_identical(own, other) for own, other in self.trials)

    @property
    def taken_over(self) -> int:
        """How many pairs of trials have a side that was taken over from another sweep, not run."""
        return sum(
            any(item.result.provenance.taken_over is not None for item in pair)
            for pair in self.trials
        )


def pair_sweeps(
    first: Sequence[Configuration], second: Sequence[Configuration], by: Measure, alpha: float
) -> PairedSweeps:
    """Return two sweeps side by side, by the measure `by` at the error rate `alpha` in 0..1.

    Symbols that have one value throughout the first sweep and another throughout the second, or
    that only one of the sweeps has, are settings: configurations need not agree in them.
    """
    settings = _settings(first, second)
    free = {name for name, _, _ in settings}
    partners = _by_key(second, free)
    pairs = [
        (items[0], partners[key][0])
        for key, items in _by_key(first, free).items()
        if len(items) == 1 and len(partners.get(key, ())) == 1
    ]
    met = {id(item) for pair in pairs for item in pair}
    alone = (
        tuple(item for item in arms.in_plan_order(side) if id(item) not in met)
        for side in (first, second)
    )
    return PairedSweeps(by, alpha, tuple(settings), tuple(pairs), (next(alone), next(alone)))


def is_identical(own: TrialResult, other: TrialResult) -> bool:
    """Return whether two trials ended alike, with equal numbers in all but what clocks measured."""
    return repeatable(own.result) == repeatable(other.result)


def repeatable(result: Result) -> Record:
    """Return what of a result must be the same every time its trial is run."""
    record = result.as_json()
    return {key: timeless(record[key]) for key in ("status", "reason", "measures", "history")}


def timeless(value: Any) -> Any:
    """Return `value`, plain data, without the times in it."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if not _is_time(key)}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def _is_time(key: str) -> bool:
    """Return whether what goes by this name is what a clock said."""
    return key in CLOCKS or key.endswith("_seconds")


def _ended(first: Configuration, second: Configuration) -> list[TrialPair]:
    """Return the trials of equal draws that both ended, whatever came of them."""
    pairs = arms.same_draws(first, second)
    return [pair for pair in pairs if all(item.attempts for item in pair)]


def _settings(first: Sequence[Configuration], second: Sequence[Configuration]) -> list[Setting]:
    own, others = arms.values_by_symbol(first), arms.values_by_symbol(second)
    both = [(name, own.get(name, []), others.get(name, [])) for name in {**own, **others}]
    return [
        (name, _only(mine), _only(theirs))
        for name, mine, theirs in both
        if (not mine or not theirs) or (len(mine) == len(theirs) == 1 and mine != theirs)
    ]


def _only(values: Sequence[str]) -> str:
    return ", ".join(values)


def _by_key(
    items: Iterable[Configuration], free: set[str]
) -> dict[frozenset[tuple[str, str]], list[Configuration]]:
    """Group configurations, in plan order, by what they must agree in."""
    groups: dict[frozenset[tuple[str, str]], list[Configuration]] = {}
    for item in arms.in_plan_order(items):
        config = identity_part(item.first.config).items()
        key = frozenset((n, text) for n, text in config if n not in free and n not in REPETITION)
        groups.setdefault(key, []).append(item)
    return groups
