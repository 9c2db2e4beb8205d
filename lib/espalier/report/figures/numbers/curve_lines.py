"""The learning curves of a figure: of each series the best configuration, by validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from espalier.analysis.charts.learning_curve import CurvePoint, course_axis, curve
from espalier.analysis.rank import Configuration
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
Course = Callable[[Configuration], Sequence[CurvePoint]]
"""Returns the course of what is drawn."""


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

    Series are told apart by `symbols`, panels by `between`. `chosen_by` chose the best of a series,
    whose course goes `along` steps or epochs.
    """

    by: Measure
    chosen_by: Measure
    along: str
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
    Raises NothingToDrawError if no history has the measure, or it is measured once, at the end;
    or if no such configuration has the symbols of the panels.
    """
    ranking, chooser = chosen_ranking(source)
    by, chosen_by = _measures(source, ranking.measure, chooser)
    along = course_axis(ranking.ranked)
    having = _with_course(ranking.ranked, by, along)
    within, top = series_symbols(source), source.top()
    between = panel_symbols(source, within)
    items = having if within else having[:top]
    order = _order(source, items, within)
    panels = {
        tuple(values.values()): order.split(item for item in items if fits(item, values))
        for values in panel_values(having, between)
    }
    count = max(map(len, panels.values())) if within else len(having)
    lines = _lines(panels, items, top, partial(curve, by=by, along=along))
    return CurveLines(by, chosen_by, along, order.symbols, between, lines, max(0, count - top))


def _measures(
    source: FigureInput, ranking: Measure, chooser: Measure | None
) -> tuple[Measure, Measure]:
    """Return what is drawn and what chooses. Raises NothingToDrawError as `curve_lines` does."""
    by = measure_named(source, source.wishes.y, "Y") if source.wishes.y else chooser
    if chooser is None or by is None or not by.curve:
        rule = "is measured once, at the end; rank by what validation shows, as RANK_BY=val_acc"
        raise NothingToDrawError(f"{(by or ranking).label} {rule}")
    return by, chooser


def _with_course(ranked: Iterable[Configuration], by: Measure, along: str) -> list[Configuration]:
    """Return those whose history has a measure. Raises NothingToDrawError if none has."""
    having = [item for item in ranked if curve(item, by, along)]
    if not having:
        raise NothingToDrawError(f"no ranked trial has a history of {by.curve}")
    return having


def _order(
    source: FigureInput, items: Sequence[Configuration], within: Sequence[str]
) -> SeriesOrder:
    """Return the series: by the symbols `within`, or without any those of single `items`."""
    if within:
        return SeriesOrder.of(source.every, within)
    return SeriesOrder.of(items, telling_symbols([item.swept for item in items]))


def _lines(
    panels: Mapping[tuple[str, ...], Groups],
    items: Sequence[Configuration],
    top: int,
    course: Course,
) -> dict[tuple[str, ...], list[CurveLine]]:
    """Return by panel the first configuration of each of its `top` groups; empty ones have none.

    `items` are in the order of the ranking.
    """
    places = {id(item): place for place, item in enumerate(items)}
    kept = {values: _first(groups, places, top) for values, groups in panels.items() if groups}
    return {values: [_line(*each, course) for each in own.items()] for values, own in kept.items()}


def _first(groups: Groups, places: Mapping[int, int], top: int) -> Groups:
    """Return the `top` groups whose best comes first in the ranking, in their own order."""
    kept = sorted(groups, key=lambda key: places[id(groups[key][0])])[:top]
    return {key: group for key, group in groups.items() if key in kept}


def _line(key: SeriesKey, group: Sequence[Configuration], course: Course) -> CurveLine:
    return CurveLine(key, group[0], course(group[0]), len(group))
