"""The ladder: a measure along a swept number, with its curve and where that is half-way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espalier.analysis.dose_response import Ladder, ladders
from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.report.dose_response_report import describe_d50
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.caption_parts import joined
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import (
    BLUE,
    ORANGE,
    VERMILION,
    FigureStyle,
    panel_grid,
)
from espalier.report.figures.figure_text import capital, seeds_text
from espalier.report.figures.numbers.figure_axis import in_sentence
from espalier.report.figures.numbers.series import telling_values
from espalier.report.figures.panel_labels import label_edges, title_panel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

FINE = 200
"""Points of a drawn curve."""
LADDERS = 9
"""Ladders of a figure at most."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the ladders over the number of X, or the one with most values.

    Raises NothingToDrawError if the sweep has none.
    """
    try:
        fitted = ladders(source.ranking, source.wishes.x)
    except UserError as error:
        raise NothingToDrawError(str(error)) from None
    return draw_ladders(fitted, source.names, style)


def draw_ladders(fitted: Sequence[Ladder], names: AxisNames, style: FigureStyle) -> DrawnFigure:
    """Return a panel a ladder: every seed, the means, the curve, d50 with its interval."""
    shown = fitted[:LADDERS]
    figure, panels = panel_grid(style, len(shown), "xy")
    entries: dict[str, Artist] = {}
    for panel, ladder in zip(panels, shown, strict=True):
        entries |= _panel(panel, ladder, style)
        if len(fitted) > 1:
            own = telling_values(ladder.rest, [other.rest for other in fitted])
            title_panel(panel, own, names, style, len(shown))
    symbol, by = fitted[0].symbol, fitted[0].by
    label_edges(panels, style, names.symbol(symbol), names.measure(by))
    add_legend(figure, style, entries)
    return DrawnFigure(figure, _caption(fitted, names))


def _panel(panel: Axes, ladder: Ladder, style: FigureStyle) -> dict[str, Artist]:
    """Draw a ladder; return what the legend names."""
    values = [rung.value for rung in ladder.rungs]
    ratio = values[-1] / values[0]
    fine = [values[0] * ratio ** (i / (FINE - 1)) for i in range(FINE)]
    (curve,) = panel.plot(fine, [ladder.curve.at(value) for value in fine], color=ORANGE)
    dots = [(rung.value, score) for rung in ladder.rungs for score in rung.scores]
    (seeds,) = panel.plot(
        *zip(*dots, strict=True), "o", color=BLUE, alpha=0.35, markersize=0.6 * style.marker, mew=0
    )
    means = [sum(rung.scores) / len(rung.scores) for rung in ladder.rungs]
    (mean,) = panel.plot(values, means, "o", color=BLUE)
    scale_numbers(panel, "x", values)
    scale_numbers(panel, "y", [score for _, score in dots], ticks=False)
    entries: dict[str, Artist] = {"seed": seeds, "mean over seeds": mean, "fitted curve": curve}
    if ladder.located and ladder.ends:
        entries["d50"] = panel.axvline(ladder.curve.d50, color=VERMILION, linestyle="--")
        entries["its 95% interval"] = panel.axvspan(*ladder.ends, color=VERMILION, alpha=0.15, lw=0)
    return entries


def _caption(fitted: Sequence[Ladder], names: AxisNames) -> str:
    by, symbol = fitted[0].by, fitted[0].symbol
    n = seeds_text(len(rung.scores) for ladder in fitted for rung in ladder.rungs)
    up, across = capital(in_sentence(by.name, by, names)), in_sentence(symbol, None, names)
    hidden = len(fitted) - LADDERS
    return joined(
        (
            f"{up} against {across}. Small dots: {n}; large dots: their means; line: a logistic "
            "curve fitted to the means.",
            _half_way(fitted),
            f"{count_text(hidden, 'more ladder')} not drawn." * (hidden > 0),
        )
    )


def _half_way(fitted: Sequence[Ladder]) -> str:
    """Return what d50 is: its number where there is one ladder, else what marks it."""
    if len(fitted) == 1:
        return f"{describe_d50(fitted[0])}."
    located = sum(ladder.located for ladder in fitted)
    return (
        "Dashed and shaded: d50, where the curve is half-way between its ends, with its 95% "
        f"interval over seeds; {located} of {len(fitted)} ladders have it within their values."
    )
