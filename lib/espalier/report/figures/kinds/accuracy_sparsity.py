"""Accuracy against sparsity by method, or any measure against any axis by any symbol.

At each place of the axis each series has a point: the best of its configurations there, chosen by
validation. A line joins the means, a band shows how sure they are, every seed is a faint dot, and
what has no place on the axis, such as a dense control beside sparsities, is a level line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import name_ticks, pad_limits, scale_numbers
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_axis import in_sentence
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_style import FigureStyle, panel_grid
from espalier.report.figures.seed_bands import SeedBands
from espalier.report.figures.series import SeriesKey, panel_title, series_title
from espalier.report.figures.trade_offs import TradeOffs, TradePoint, trade_offs, trade_request

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

PANELS = 6
"""Panels of a figure at most."""
FAINT, PALE = 0.4, 0.15
"""The opacity of a seed, and of a band."""
DODGED = 0.6
"""The width over which the series at a name are spread, so that they do not hide each other."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure of X, Y and BY, or of what a sweep has of sparsity, size and methods.

    Raises NothingToDrawError if nothing varies, UserError for names that no trial has.
    """
    made = trade_offs(source, trade_request(source))
    request = made.request
    shown = dict(list(made.panels.items())[:PANELS])
    figure, panels = panel_grid(style, len(shown), sharex=True, sharey=True)
    picture = TradePicture(made, SeedBands(request.by, [len(p.seeds) for p in made.every]), style)
    entries: dict[str, Artist] = {}
    for panel, (values, content) in zip(panels, shown.items(), strict=True):
        panel.set_title(panel_title(request.between, values, source.names))
        for key, points in content.series.items():
            entries.setdefault(key.name(source.names), picture.series(panel, key, points))
        for key, point in content.levels.items():
            name = f"{key.name(source.names)} (no {request.x.words(source.names)})"
            entries.setdefault(name, picture.level(panel, key, point))
        _scale(panel, made, source, style)
    if len(entries) > 1 or request.within:
        add_legend(figure, style, entries, series_title(request.within, source.names))
    return DrawnFigure(figure, _caption(made, picture.bands, source))
