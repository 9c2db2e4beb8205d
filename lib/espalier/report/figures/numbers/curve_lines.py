"""The learning curves of a figure: of each series the best configuration, by validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espalier.analysis.charts.learning_curve import CurvePoint, curve
from espalier.analysis.rank import Configuration, swept_values
from espalier.core.measures import Measure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.numbers.figure_axis import measure_named
from espalier.report.figures.numbers.series import (
    SeriesKey,
    SeriesOrder,
    fits,
    panel_symbols,
    panel_values,
    series_symbols,
    telling_symbols,
)
from espalier.report.figures.numbers.trade_offs import chosen_ranking

Groups = Mapping[SeriesKey, Sequence[Configuration]]
"""Configurations by series, those of a series in the order of the ranking."""


@dataclass(frozen=True)
class CurveLine:
    """A configuration with its course: the best of `rivals` of its series, itself included."""

    key: SeriesKey
    item: Configuration
    points: Sequence[CurvePoint]
    rivals: int


@dataclass(frozen=True)
class CurveLines:
    """The lines of a figure by the values of its panels; `left` series more are not drawn.

    Series are told apart by `symbols`, panels by `between`. `chosen_by` chose the best of a series.
    """

    by: Measure
    chosen_by: Measure
    symbols: Sequence[str]
    between: Sequence[str]
    panels: Mapping[tuple[str, ...], Sequence[CurveLine]]
    left: int

    @property
    def every(self) -> list[CurveLine]:
        """The lines of all panels."""
        return [line for lines in self.panels.values() for line in lines]


def curve_lines(source: FigureInput) -> CurveLines:
    """Return the curves of Y, or of what chooses, by the symbols of BY.

    Without a symbol that tells series apart they are of single configurations, the best first.
    Raises NothingToDrawError if no history has the measure, or it is measured once, at the end.
    """
    ranking, chooser = chosen_ranking(source)
    by = measure_named(source, source.wishes.y, "Y") if source.wishes.y else chooser
    if chooser is None or by is None or not by.curve:
        rule = "is measured once, at the end; rank by what validation shows, as RANK_BY=val_acc"
        raise NothingToDrawError(f"{(by or ranking.measure).label} {rule}")
    having = [item for item in ranking.ranked if curve(item, by)]
    if not having:
        raise NothingToDrawError(f"no ranked trial has a history of {by.curve}")
    within, top = series_symbols(source), source.top()
    between = panel_symbols(source, within)
    items = having if within else having[:top]
    symbols = within or telling_symbols([swept_values(item.first) for item in items])
    order = SeriesOrder.of(source.every if within else items, symbols)
    panels = {
        tuple(values.values()): order.split(item for item in items if fits(item, values))
        for values in panel_values(having, between)
    }
    places = {id(item): place for place, item in enumerate(items)}
    lines = {
        values: _lines(_first(groups, places, top), by)
        for values, groups in panels.items()
        if groups
    }
    left = max(len(groups) for groups in panels.values()) - top if within else len(having) - top
    return CurveLines(by, chooser, order.symbols, between, lines, max(0, left))


def _first(groups: Groups, places: Mapping[int, int], top: int) -> Groups:
    """Return the `top` groups whose best comes first in the ranking, in their own order."""
    kept = sorted(groups, key=lambda key: places[id(groups[key][0])])[:top]
    return {key: group for key, group in groups.items() if key in kept}


def _lines(groups: Groups, by: Measure) -> list[CurveLine]:
    """Return the first configuration of each group."""
    return [
        CurveLine(key, group[0], curve(group[0], by), len(group)) for key, group in groups.items()
    ]
