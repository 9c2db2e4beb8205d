"""Main effects: the mean of each value of each swept symbol, and how important symbols are.

Means are drawn where values can be compared; where a plan is not balanced bars of importance stand
below, with what is to be known about these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espalier.analysis.axis_means import AxisMeans, axis_means
from espalier.analysis.symbol_importance import ForestImportance
from espalier.core.texts.count_text import count_text
from espalier.report.axis_effects import (
    LEVELS,
    AxisEffect,
    SweepEffects,
    describe_remarks,
    importance_caveat,
    means_caption,
    remarks,
    sweep_effects,
)
from espalier.report.figures.axis_scales import fenced_range, name_ticks, pad_limits, scale_numbers
from espalier.report.figures.caption_parts import joined, symbols_left_out
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_style import BLUE, GREY, ORANGE, SMALL, FigureStyle, new_panels
from espalier.report.figures.figure_text import seeds_text, shorten, wrap
from espalier.report.html.columns import is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMPORTANCE = "Importance: share of the variance by itself (%)"
SYMBOLS = 12
"""Symbols of a figure, where BY does not name them."""
BARS = 16
"""Bars of importance at most."""
BAR = 1.7
"""The height of a bar with its space, in sizes of the text."""
FRAME = 4.5
"""The height of what stands above and below bars, in sizes of the text."""
FAINT = 0.6
"""The opacity of a dot."""
ROOM = 0.06
"""The space beyond the ends of an axis, as a share of it."""
VALUE = 14
"""Characters of a value at most."""
LOW = 0.8
"""The height of a row of several, in heights of a row."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return a panel a symbol. Raises NothingToDrawError if no swept symbol varies."""
    symbols, effects = source.symbols, sweep_effects(source.ranking)
    names = symbols[:SYMBOLS]
    figure, panels, below = _panels(style, len(names), effects.forest)
    shown = {axis.symbol: axis for axis in effects.axes}
    frame = _frame(source, [shown[name] for name in names if name in shown])
    for panel, name in zip(panels, names, strict=True):
        _panel(panel, name, shown.get(name), source, style)
        _scores(panel, name, frame, source)
    for panel in panels[:: style.columns(len(names))]:
        panel.set_ylabel(source.names.measure(source.ranking.measure))
    if effects.forest and below:
        _importance(below, effects.forest, source, style)
    return DrawnFigure(figure, _caption(source, symbols, effects))


def _panels(
    style: FigureStyle, count: int, forest: ForestImportance | None
) -> tuple[Figure, list[Axes], Axes | None]:
    """Return the panels of the symbols, and a wide one below them for importance."""
    columns = style.columns(count)
    rows = -(-count // columns)
    heights = [style.row_height * (LOW if rows > 1 else 1)] * rows
    if forest:
        heights.append((BAR * len(forest.axes[:BARS]) + FRAME) * style.font / 72)
    figure, grid = new_panels(style, len(heights), columns, heights)
    panels = [panel for row in grid[:rows] for panel in row]
    for panel in panels[count:]:
        panel.set_axis_off()
    for panel in panels[1:count]:
        panel.sharey(panels[0])
        panel.tick_params(labelleft=panels.index(panel) % columns == 0)
    return figure, panels[:count], _spanning(grid[-1]) if forest else None


def _spanning(row: Sequence[Axes]) -> Axes:
    """Return one panel in the place of all of the last row."""
    place = row[0].get_subplotspec()
    for panel in row[1:]:
        panel.remove()
    if place:
        row[0].set_subplotspec(place.get_gridspec()[-1, :])
    return row[0]


def _panel(
    panel: Axes, name: str, axis: AxisEffect | None, source: FigureInput, style: FigureStyle
) -> None:
    """Draw a symbol: a dot a configuration, and the means of values that can be compared."""
    texts, places = source.axes[name], _places(source.axes[name])
    numeric = all(map(is_number, texts))
    if axis:
        _means(panel, axis, places, numeric)
    columns = style.columns(len(source.symbols[:SYMBOLS]))
    if numeric:
        scale_numbers(panel, "x", list(places.values()))
        panel.margins(x=0.08)
    else:
        name_ticks(panel, "x", _short(texts, source), style, columns)
        pad_limits(panel, "x", len(texts))
    _words(panel, name, axis, source, 72 * style.width / columns)


def _places(texts: Sequence[str]) -> dict[str, float]:
    """Return where values stand: numbers as such, names one after the other."""
    numeric = all(map(is_number, texts))
    return {text: float(text) if numeric else float(n) for n, text in enumerate(texts)}


def _short(texts: Sequence[str], source: FigureInput) -> list[str]:
    return [shorten(source.names.value(text), VALUE) for text in texts]


def _frame(source: FigureInput, shown: Sequence[AxisEffect]) -> tuple[float, float]:
    """Return from where to where all panels go: all means, and scores not far from the others."""
    scores = [item.score.mean for item in source.ranking.ranked if item.score]
    low, high, _ = fenced_range(scores, source.ranking.measure.larger)
    levels = [level for axis in shown for level in axis.levels]
    ends = [level.mean + sign * (level.half_width or 0) for level in levels for sign in (1, -1)]
    low, high = min([low, *ends]), max([high, *ends])
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


def _scores(panel: Axes, name: str, frame: tuple[float, float], source: FigureInput) -> None:
    """Draw a dot a configuration, an arrowhead at the edge for one that is beyond it."""
    places, (low, high) = _places(source.axes[name]), frame
    dots = [
        (places[text], item.score.mean)
        for item in source.ranking.ranked
        if item.score and (text := item.swept.get(name)) is not None
    ]
    inside = [dot for dot in dots if low <= dot[1] <= high]
    looks = (("o", inside), ("v", [(x, low) for x, y in dots if y < low]))
    for marker, points in (*looks, ("^", [(x, high) for x, y in dots if y > high])):
        if points:  # nothing, unclipped, would have no place in the layout
            across, up = [x for x, _ in points], [y for _, y in points]
            panel.plot(across, up, marker, color=GREY, mew=0, alpha=FAINT, clip_on=False, zorder=2)
    panel.set_ylim(low, high)


def _means(panel: Axes, axis: AxisEffect, places: dict[str, float], numeric: bool) -> None:
    """Draw the means: filled where all configurations are behind them, else open."""
    levels = sorted(axis.levels, key=lambda level: places[level.value])
    balanced = axis.comparable.balanced
    panel.errorbar(
        [places[level.value] for level in levels],
        [level.mean for level in levels],
        yerr=[level.half_width or 0.0 for level in levels],
        color=BLUE,
        fmt="s" if balanced else "D",
        linestyle=("-" if balanced else "--") if numeric else "none",
        markerfacecolor=BLUE if balanced else "white",
        zorder=3,
    )


def _words(
    panel: Axes, name: str, axis: AxisEffect | None, source: FigureInput, width: float
) -> None:
    """Name the axes of a panel, and say above it what limits its means."""
    room, size = 0.72 * width, float(panel.xaxis.label.get_fontsize())
    notes = _notes(name, axis, source)
    lines = [line for note in notes for line in wrap(note, SMALL * size, room)]
    panel.set_title("\n".join(lines), fontsize=SMALL * size)
    panel.set_xlabel("\n".join(wrap(source.names.symbol(name), size, room)))


def _notes(name: str, axis: AxisEffect | None, source: FigureInput) -> list[str]:
    """Return what limits the means of a symbol, or why it has none."""
    texts = source.axes[name]
    if axis is None and len(texts) > LEVELS:
        return [f"no means: over {LEVELS} values"]
    return remarks(_comparable(name, axis, source), texts)


def _comparable(name: str, axis: AxisEffect | None, source: FigureInput) -> AxisMeans:
    return axis.comparable if axis else axis_means(source.ranking, name)


def _importance(
    panel: Axes, forest: ForestImportance, source: FigureInput, style: FigureStyle
) -> None:
    """Draw the share of each symbol in percent, the most important on top."""
    axes = forest.axes[:BARS]
    shares = [100 * each.share for each in axes]
    spreads = [100 * each.spread for each in axes]
    below = [min(pair) for pair in zip(spreads, shares, strict=True)]
    above = [max(0.0, min(own, 100 - share)) for own, share in zip(spreads, shares, strict=True)]
    panel.barh(range(len(axes)), shares, xerr=(below, above), color=ORANGE, height=0.6)
    name_ticks(panel, "y", [source.names.short(each.name) for each in axes], style)
    pad_limits(panel, "y", len(axes))
    panel.invert_yaxis()
    panel.set_xlim(-0.5, max(10.0, 1.05 * max(map(sum, zip(shares, above, strict=True)))))
    room = 0.5 * 72 * style.width
    panel.set_xlabel("\n".join(wrap(IMPORTANCE, style.font, room)))


def _caption(source: FigureInput, symbols: Sequence[str], effects: SweepEffects) -> str:
    """Return what dots, means, their bars and those of importance are, and what is left out."""
    names, left_out = symbols[:SYMBOLS], len(symbols) - SYMBOLS
    shown = {axis.symbol: axis for axis in effects.axes if axis.symbol in names}
    few = [name for name in names if len(source.axes[name]) <= LEVELS]
    every = [(_comparable(name, shown.get(name), source), source.axes[name]) for name in few]
    beyond = _beyond(source, list(shown.values()))
    sentences = [
        f"Grey dots: configurations, each {_mean_over_seeds(source)}{beyond}.",
        means_caption(source.ranking) if shown else "",
        describe_remarks(every, source.names.short),
        importance_caveat(effects.forest) if effects.forest else "",
        symbols_left_out(left_out),
    ]
    return joined(sentences)


def _mean_over_seeds(source: FigureInput) -> str:
    counts = seeds_text(len(item.scores) for item in source.ranking.ranked)
    return f"a mean ({counts})"


def _beyond(source: FigureInput, shown: Sequence[AxisEffect]) -> str:
    """Return how many configurations are beyond the axis, and how far."""
    by, (low, high) = source.ranking.measure, _frame(source, shown)
    scores = [item.score.mean for item in source.ranking.ranked if item.score]
    far = [score for score in scores if not low <= score <= high]
    if not far:
        return ""
    worst = by.with_unit(min(far) if by.larger else max(far))
    return f"; arrowheads: {count_text(len(far), 'configuration')} beyond the axis, to {worst}"
