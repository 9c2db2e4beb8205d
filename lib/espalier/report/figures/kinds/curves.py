"""Learning curves of the best configuration of each series, with the range of its seeds.

The first epochs, whose values are far from all later ones, may lie outside of the panel, so that a
dip where weights are pruned stays visible. Below, where it changes, is the sparsity of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espalier.analysis.charts.learning_curve import (
    UNITS,
    CurvePoint,
    ValueRange,
    course_measure,
    curve,
    value_range,
    without_opening,
)
from espalier.core.measures import find
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.caption_parts import (
    PANELS,
    best_of,
    joined,
    more_panels,
    unequal_steps,
)
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_style import FigureStyle, new_panels, panel_grid
from espalier.report.figures.figure_text import capital, seeds_text
from espalier.report.figures.numbers.curve_lines import CurveLine, CurveLines, curve_lines
from espalier.report.figures.numbers.figure_axis import in_sentence
from espalier.report.figures.numbers.series import series_title
from espalier.report.figures.panel_labels import label_edges, title_panel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BESIDE = find("sparsity:max")
"""What is drawn below the curves, where a history has it."""
LOW = 0.4
"""The height of its panel, as a share of that of the curves."""
BAND = 0.18
"""The opacity of a band."""
ROOM, INNER = 0.06, 0.5
"""The room above and below all curves, and the share of it that a curve comes in by."""
MARKS = 8
"""About how many markers a curve has."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the curves of the measure Y, or of what ranks, by the symbols of BY.

    Raises NothingToDrawError if no history has the measure, or it is measured once, at the end.
    """
    made = curve_lines(source)
    shown = dict(list(made.panels.items())[:PANELS])
    values = value_range([line.points for line in made.every], made.by.larger)
    figure, panels, low = _panels(made, len(shown), style)
    entries: dict[str, Artist] = {}
    for panel, (own, lines) in zip(panels, shown.items(), strict=True):
        values_of = dict(zip(made.between, own, strict=True))
        title_panel(panel, values_of, source.names, style, len(shown))
        for line in lines:
            entries[line.key.name(source.names)] = _line(panel, line, values)
        _limit(panel, values)
    label_edges(
        panels,
        style,
        "" if low else capital(UNITS[made.along]),
        source.names.measure(course_measure(made.by)),
    )
    if len(entries) > 1:
        add_legend(figure, style, entries, series_title(made.symbols, source.names))
    return DrawnFigure(figure, _caption(made, values, source))


def _panels(
    made: CurveLines, count: int, style: FigureStyle
) -> tuple[Figure, Sequence[Axes], Sequence[Axes]]:
    """Return a figure, its panels, and below a single one that of sparsities that change."""
    courses = [(line, curve(line.item, BESIDE, made.along)) for line in made.every]
    if count > 1 or not any(_changes(points) for _, points in courses):
        return *panel_grid(style, count, "xy"), []
    heights = [style.row_height, LOW * style.row_height]
    figure, ((panel,), (low,)) = new_panels(style, 2, 1, heights, "x")
    for line, points in courses:
        look = line.key.look
        steps, means = [each.step for each in points], [each.mean for each in points]
        low.plot(steps, means, color=look.colour, linestyle=look.line)
    scale_numbers(low, "y", [], linear=True)
    low.set(
        ylim=(0 - ROOM, 1 + ROOM), ylabel=capital(BESIDE.label), xlabel=capital(UNITS[made.along])
    )
    return figure, [panel], [low]


def _changes(points: Sequence[CurvePoint]) -> bool:
    return len({point.mean for point in points}) > 1


def _line(panel: Axes, line: CurveLine, values: ValueRange) -> Artist:
    """Draw the mean of a configuration, and the band of its seeds."""
    look, room = line.key.look, INNER * _room(values)
    points = without_opening(line.points, values.low - room, values.high + room)
    steps, last = [point.step for point in points], len(points) - 1
    ends = [point.low for point in points], [point.high for point in points]
    panel.fill_between(steps, *ends, color=look.colour, alpha=BAND, linewidth=0)
    (drawn,) = panel.plot(
        steps,
        [point.mean for point in points],
        look.marker,
        color=look.colour,
        linestyle=look.line,
        markevery=[*range(last, 0, -max(1, len(points) // MARKS))] or [0],
    )
    return drawn


def _room(values: ValueRange) -> float:
    """Return the room above and below all curves."""
    return ROOM * ((values.high - values.low) or 1.0)


def _limit(panel: Axes, values: ValueRange) -> None:
    panel.set_ylim(values.low - _room(values), values.high + _room(values))
    scale_numbers(panel, "x", [], ticks=False)
    scale_numbers(panel, "y", [], ticks=False)


def _caption(made: CurveLines, values: ValueRange, source: FigureInput) -> str:
    names, items = source.names, [line.item for line in made.every]
    by = in_sentence(made.by.name, course_measure(made.by), names)
    seeds = seeds_text(len(item.counted) for item in items)
    outside = "below" if made.by.larger else "above"
    rivals = max(line.rivals for line in made.every)
    return joined(
        [
            f"{capital(by)} by {made.along}.",
            best_of(made.chosen_by, rivals, "Of each series", names),
            f"Lines: means, bands: from the least to the most, {seeds}.",
            f"First epochs that lie far {outside} are cut off." * values.cut,
            f"{count_text(made.left, 'more line')} not drawn." * (made.left > 0),
            more_panels(len(made.panels)),
            unequal_steps(items),
        ]
    )
