"""The numbers of an axis against a measure by series: at each place the best configuration.

The best is chosen as the ranking does, by validation; a measure of the test data never chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from espalier.analysis.charts.charted_trials import selecting_measure
from espalier.analysis.confidence import Interval
from espalier.analysis.rank import Configuration, Ranking, recorded
from espalier.core.measures import LIVE_PARAMETERS, Measure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.numbers.figure_axis import (
    SPARSITY,
    FigureAxis,
    axis_named,
    measure_named,
    symbol_axis,
)
from espalier.report.figures.numbers.series import (
    SeriesKey,
    SeriesOrder,
    fits,
    panel_symbols,
    panel_values,
    series_symbols,
)

TARGET = "TARGET_SPARSITY"
TELLING = 0.01
"""The least difference of sparsities that makes an axis of them."""


@dataclass(frozen=True)
class TradeRequest:
    """What is drawn against what: series by the symbols `within`, panels by those `between`."""

    x: FigureAxis
    by: Measure
    within: tuple[str, ...]
    between: tuple[str, ...]


@dataclass(frozen=True)
class TradePoint:
    """A configuration at its place: the best of `rivals` of its series there, itself included.

    `score` is mean and interval over its seeds, `seeds` the place and the score of each.
    """

    item: Configuration
    place: float
    rivals: int
    score: Interval
    seeds: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class TradePanel:
    """What a panel shows: points by series, and levels of those without a value on the axis.

    Each level, such as a dense control beside sparsities, is the best of its series.
    """

    series: Mapping[SeriesKey, Sequence[TradePoint]]
    levels: Mapping[SeriesKey, TradePoint]

    @property
    def every(self) -> list[TradePoint]:
        """All that is drawn."""
        return [*(point for each in self.series.values() for point in each), *self.levels.values()]


@dataclass(frozen=True)
class TradeOffs:
    """The panels of a figure by the values of their symbols.

    `chosen_by` is what chose the best at each place; None where every configuration is drawn,
    because places are measured ones, or because no measure of validation is there to choose.
    """

    request: TradeRequest
    chosen_by: Measure | None
    panels: Mapping[tuple[str, ...], TradePanel]

    @property
    def joined(self) -> bool:
        """Whether lines join the points of a series: those of numbers that were chosen."""
        return self.chosen_by is not None and not self.request.x.levels

    @property
    def every(self) -> list[TradePoint]:
        """All that is drawn."""
        return [point for panel in self.panels.values() for point in panel.every]


def trade_request(source: FigureInput) -> TradeRequest:
    """Return what X, Y and BY ask for, or what a sweep has of it.

    Raises UserError for names that it lacks, NothingToDrawError if nothing varies.
    """
    wishes = source.wishes
    by = measure_named(source, wishes.y, "Y") if wishes.y else source.ranking.measure
    x = axis_named(source, wishes.x, "X") if wishes.x else _usual_axis(source, by)
    within = series_symbols(source, [x.name])
    return TradeRequest(x, by, within, panel_symbols(source, [*within, x.name]))


def trade_offs(source: FigureInput, request: TradeRequest) -> TradeOffs:
    """Return the points of each panel.

    Raises NothingToDrawError if no configuration has a value on the axis.
    """
    ranking, chooser = chosen_ranking(source)
    having = [item for item in ranking.ranked if item.measure(request.by.name)]
    chosen_by = chooser if request.x.is_shared else None
    order = SeriesOrder.of(source.every, request.within)
    panels = {
        tuple(values.values()): _panel(request, chooser, _fitting(having, values), order)
        for values in panel_values(having, request.between)
    }
    shown = {values: panel for values, panel in panels.items() if panel.series}
    if not shown:
        rule = f"no configuration has both {request.x.name} and {request.by.name}"
        raise NothingToDrawError(f"{rule}; X= and Y= name others")
    return TradeOffs(request, chosen_by, shown)


def chosen_ranking(source: FigureInput) -> tuple[Ranking, Measure | None]:
    """Return the ranking whose order chooses the best, and its measure.

    It is the sweep's own, unless that is by a measure of the test data. None if no measure of
    validation is there: then its order must choose nothing.
    """
    own = source.ranking
    names = recorded(trial for item in own.ranked for trial in item.counted)
    chooser = selecting_measure(own.measure, names)
    if chooser is None or chooser == own.measure:
        return own, chooser
    return source.opened.ranked_by(chooser.spelled).ranking, chooser


def _usual_axis(source: FigureInput, by: Measure) -> FigureAxis:
    """Return an axis of sparsity, else of size, else the first swept number, else any symbol."""
    if TARGET in source.axes and not _lack_target(source):
        return symbol_axis(source, TARGET)
    for name, least in ((SPARSITY, TELLING), (LIVE_PARAMETERS.name, 0.0)):
        if name != by.name and _spread(source, name) > least:
            return axis_named(source, name, "X")
    series = set(series_symbols(source))
    axes = [symbol_axis(source, name) for name in source.axes]
    axes.sort(key=lambda axis: (axis.name in series, bool(axis.levels)))
    if not axes:
        rule = "the sweep varies nothing that results could be drawn against"
        raise NothingToDrawError(f"{rule}; X= names a symbol or a measure")
    return axes[0]


def _lack_target(source: FigureInput) -> bool:
    """Return whether a sparse network has no target: others say by other symbols how sparse."""
    without = [item for item in source.ranking.ranked if TARGET not in item.first.config]
    return any((reached := item.measure(SPARSITY)) and reached.mean > 0 for item in without)


def _spread(source: FigureInput, name: str) -> float:
    means = [item.measure(name) for item in source.ranking.ranked]
    values = [mean.mean for mean in means if mean is not None]
    return max(values) - min(values) if values else 0.0


def _fitting(items: Iterable[Configuration], values: Mapping[str, str]) -> list[Configuration]:
    return [item for item in items if fits(item, values)]


def _panel(
    request: TradeRequest,
    chooser: Measure | None,
    items: Sequence[Configuration],
    order: SeriesOrder,
) -> TradePanel:
    """Return what a panel shows of `items`, which are in the order of the ranking that chooses."""
    placed = [item for item in items if request.x.of(item) is not None]
    level = [item for item in items if request.x.of(item) is None]
    chosen = chooser is not None and request.x.is_shared
    series = {key: _points(group, request, chosen) for key, group in order.split(placed).items()}
    lines = {key: _points(group, request, True) for key, group in order.split(level).items()}
    return TradePanel(series, {key: best for key, (best,) in lines.items() if chooser})


def _points(
    group: Iterable[Configuration], request: TradeRequest, chosen: bool
) -> list[TradePoint]:
    """Return along the axis the first at each place, or where nothing chooses all."""
    at: dict[float, list[Configuration]] = {}
    for item in group:
        at.setdefault(request.x.of(item) or 0.0, []).append(item)
    return [
        TradePoint(item, place, len(items), score, _seeds(item, place, request))
        for place, items in sorted(at.items())
        for item in (items[:1] if chosen else items)
        if (score := item.measure(request.by.name))
    ]


def _seeds(item: Configuration, place: float, request: TradeRequest) -> list[tuple[float, float]]:
    """Return the place and the score of each seed."""
    values = [(request.x.of_trial(each), each.measure(request.by.name)) for each in item.counted]
    return [(place if x is None else x, y) for x, y in values if y is not None]
