"""Paired differences as rows of a forest plot, in a picture and in the page.

Each is a configuration, or several in the mean, minus what it is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espalier.analysis.confidence import Interval, Verdict
from espalier.analysis.control_deltas import Delta, deltas
from espalier.analysis.controls import SAME, Comparison
from espalier.analysis.multiple_tests import survives
from espalier.analysis.rank import Configuration, Ranking
from espalier.report.controls_report import Corrections, describe_verdict
from espalier.report.ranking_rows import difference_to_best

BESIDE_BEST = {
    Verdict.BEHIND: "behind the best",
    Verdict.TIED: "not distinguishable",
    Verdict.UNKNOWN: "no verdict",
}
"""What is said of a difference to the best configuration."""

Values = tuple[tuple[str, str], ...]
"""Symbols with their values."""


@dataclass(frozen=True)
class DifferenceRow:
    """A difference, in the measure's own direction; None where no seed is in common.

    `name` is the configuration's, empty for a mean over several; `own` are values that it has, and
    `against` those of what it is compared with. `marked` says that it holds among all rows, by
    Holm's correction, or as behind the best by that of the ranking. `unequal` are measures that a
    fair comparison has in common and this one has not.
    """

    name: str
    own: Values
    against: Values
    difference: Interval | None
    said: str
    marked: bool
    pairs: int = 1
    unequal: tuple[str, ...] = ()


def best_rows(ranking: Ranking) -> list[DifferenceRow]:
    """Return every other configuration beside the best one, in the order of the ranking."""
    return [_beside_best(item, ranking) for item in ranking.ranked[1:]]


def _beside_best(item: Configuration, ranking: Ranking) -> DifferenceRow:
    difference = difference_to_best(item, ranking.measure)
    said, behind = BESIDE_BEST[item.verdict], item.verdict is Verdict.BEHIND
    return DifferenceRow(item.first.name, _swept(item), (), difference, said, behind)


def pair_rows(compared: Sequence[Comparison]) -> list[DifferenceRow]:
    """Return comparisons, in their order; all of them are one family of tests."""
    p_values = Corrections.of(compared, []).ends
    return [_pair(item, survives(p_values[id(item)])) for item in compared]


def _pair(item: Comparison, marked: bool) -> DifferenceRow:
    end, own, other = item.at_end, _swept(item.arm), _swept(item.control)
    said = describe_verdict(end, item.by) if end else ""
    name, unequal = item.arm.first.name, tuple(item.unequal)
    return DifferenceRow(name, own, other, end, said, marked, unequal=unequal)


def kind_rows(compared: Sequence[Comparison]) -> list[DifferenceRow]:
    """Return the mean over configurations for each kind of comparison that has a difference.

    All kinds are one family of tests. They are in alphabetical order.
    """
    means = deltas(compared)
    p_values = Corrections.of([], means).means
    rows = [(item, item.difference, survives(p_values[id(item)])) for item in means]
    return [_kind(item, mean, marked) for item, mean, marked in rows if mean is not None]


def _kind(item: Delta, mean: Interval, marked: bool) -> DifferenceRow:
    shares = [name for name in SAME if (item.shares(name) or (1.0, 1.0)) != (1.0, 1.0)]
    return DifferenceRow(
        "",
        ((item.symbol, item.own), *item.also),
        ((item.symbol, item.value),),
        mean,
        describe_verdict(mean, item.compared[0].by),
        marked,
        len(item.compared),
        tuple(shares),
    )


def _swept(item: Configuration) -> Values:
    return tuple(item.swept.items())
