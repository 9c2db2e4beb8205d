"""What one choice makes of the ranking measure: differences to a control, over configurations.

Comparisons of one kind have the same value against the same control's value of one symbol, and
the same values of whatever else can be compared with a control and only the configuration has: a
network with linear dendrites against one without dendrites is one kind, that with nonlinear ones
another. So structure, nonlinearity and method are separated where a sweep has a control for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from espalier.analysis.arms import mean_by_draw
from espalier.analysis.confidence import Interval, interval
from espalier.analysis.controls import Comparison

SIZE = "live_parameters"


@dataclass(frozen=True)
class MeanDifference:
    """Several comparisons, and what they come to in the mean."""

    compared: tuple[Comparison, ...]

    @cached_property
    def difference(self) -> Interval | None:
        """Over draws: for each the mean of all differences. None if no draw has them all.

        Draws that some of the comparisons lack are left out, so that no draw is of fewer
        configurations than another.
        """
        by_draw = mean_by_draw([_differences(item) for item in self.compared])
        return interval(list(by_draw.values()))

    @property
    def sizes(self) -> tuple[float, float] | None:
        """The least and the most live parameters, as a part of those of the control."""
        return self.shares(SIZE)

    def shares(self, name: str) -> tuple[float, float] | None:
        """Return the least and the most of a measure, as a part of that of the control."""
        pairs = [(item.arm.measure(name), item.control.measure(name)) for item in self.compared]
        shares = [own.mean / other.mean for own, other in pairs if own and other and other.mean]
        return (min(shares), max(shares)) if shares else None


@dataclass(frozen=True)
class Delta(MeanDifference):
    """All comparisons of one kind: `own` and `also` of the configurations, `value` of controls."""

    symbol: str
    own: str
    value: str
    also: tuple[tuple[str, str], ...]


def deltas(compared: Sequence[Comparison]) -> list[Delta]:
    """Return one for each kind of comparison, in alphabetical order.

    Comparisons without a draw that both sides have a number for are in none.
    """
    symbols = sorted({item.symbol for item in compared})
    groups: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], list[Comparison]] = {}
    for item in compared:
        if not item.pairs:
            continue
        own = item.arm.first.config[item.symbol]
        groups.setdefault((item.symbol, own, item.value, _also(item, symbols)), []).append(item)
    return [
        Delta(tuple(group), *kind) for kind, group in sorted(groups.items(), key=lambda x: x[0])
    ]


def _also(item: Comparison, symbols: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return those of `symbols` that the configuration has and its control has not."""
    own, other = item.arm.first.config, item.control.first.config
    return tuple((name, own[name]) for name in symbols if name in own and name not in other)


def _differences(item: Comparison) -> dict[tuple[str, ...], float]:
    arm, control = item.arm.scores, item.control.scores
    return {trial.draw: arm[trial.draw] - control[trial.draw] for trial, _ in item.pairs}
