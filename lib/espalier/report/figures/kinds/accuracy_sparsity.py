"""Accuracy against sparsity by method, or any measure against any axis by any symbol.

At each place of the axis each series has a point: the best of its configurations there, chosen by
validation. A line joins the means, a band shows how sure they are, every seed is a faint dot, and
what has no place on the axis, such as a dense control beside sparsities, is a level line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from espalier.report.figures.axis_scales import name_ticks, pad_limits, scale_numbers
from espalier.report.figures.caption_parts import (
    MISSED,
    PANELS,
    best_of,
    joined,
    more_panels,
    of_race,
    unequal_steps,
)
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_style import FigureStyle, panel_grid
from espalier.report.figures.figure_text import capital
from espalier.report.figures.numbers.figure_axis import FigureAxis, in_sentence
from espalier.report.figures.numbers.seed_bands import SeedBands
from espalier.report.figures.numbers.series import SeriesKey, series_title
from espalier.report.figures.numbers.trade_offs import (
    TradeOffs,
    TradePanel,
    TradePoint,
    trade_offs,
    trade_request,
)
from espalier.report.figures.panel_labels import label_edges, title_panel
from espalier.report.figures.series_marks import BAND, MarkedPoint, paint_series, set_apart

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SPREAD = 0.6
"""The width over which series are spread at a name, so that they do not hide each other."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure of X, Y and BY, or of what a sweep has of sparsity, size and methods.

    Raises NothingToDrawError if nothing varies, UserError for names that no trial has.
    """
    picture = _Picture(source, style, trade_offs(source, trade_request(source)))
    made, names = picture.made, source.names
    shown = list(made.panels.items())[:PANELS]
    figure, panels = panel_grid(style, len(shown), shared="xy")
    entries: dict[str, Artist] = {}
    for panel, (values, content) in zip(panels, shown, strict=True):
        own = dict(zip(made.request.between, values, strict=True))
        title_panel(panel, own, names, style, len(shown))
        entries |= picture.panel(panel, content)
    label_edges(panels, style, made.request.x.label(names), names.measure(made.request.by))
    if len(entries) > 1:
        add_legend(figure, style, entries, series_title(made.request.within, names))
    return DrawnFigure(figure, picture.caption)


@dataclass(frozen=True)
class _Picture:
    """The points of a figure, and how they are drawn."""

    source: FigureInput
    style: FigureStyle
    made: TradeOffs

    @cached_property
    def bands(self) -> SeedBands:
        return SeedBands(self.made.request.by, [len(point.seeds) for point in self.made.every])

    @property
    def _panels(self) -> list[TradePanel]:
        return list(self.made.panels.values())

    @cached_property
    def places(self) -> list[int]:
        """The places of all series, by which they are spread at names."""
        every = (key for panel in self._panels for key in panel.series)
        return sorted({key.place for key in every})

    def panel(self, panel: Axes, content: TradePanel) -> dict[str, Artist]:
        """Draw a panel; return what the legend names."""
        names = self.source.names
        entries: dict[str, Artist] = {}
        for key, points in content.series.items():
            entries[key.name(names)] = self._series(panel, key, points)
        for key, point in content.levels.items():
            entries[f"{key.name(names)} (level line)"] = self._level(panel, key, point)
        self._scale(panel)
        return entries

    def _series(self, panel: Axes, key: SeriesKey, points: Sequence[TradePoint]) -> Artist:
        shift = self._shift(key)
        marks = [
            MarkedPoint(
                point.place + shift,
                point.score.mean,
                [(x + shift, y) for x, y in point.seeds],
                self._ends(point),
                bool(point.item.short),
            )
            for point in points
        ]
        drawn = paint_series(panel, key.look, marks, self.made.joined, self.style)
        if not shift:
            set_apart(panel, drawn, self.places.index(key.place), len(self.places), self.style)
        return drawn[0]

    def _ends(self, point: TradePoint) -> tuple[float, float] | None:
        return self.bands.ends([score for _, score in point.seeds])

    def _level(self, panel: Axes, key: SeriesKey, point: TradePoint) -> Artist:
        ends = self._ends(point)
        if ends:
            panel.axhspan(*ends, color=key.look.colour, alpha=0.6 * BAND, linewidth=0)
        return panel.axhline(point.score.mean, color=key.look.colour, linestyle=key.look.line)

    def _shift(self, key: SeriesKey) -> float:
        """Return how far a series stands from the middle of a name; 0 on an axis of numbers."""
        if not self.made.request.x.levels:
            return 0.0
        count = len(self.places)
        return SPREAD * ((self.places.index(key.place) + 0.5) / count - 0.5)

    def _scale(self, panel: Axes) -> None:
        request, points = self.made.request, self.made.every
        scores = [score for point in points for _, score in point.seeds]
        linear = FigureAxis(request.by.name, request.by).is_linear
        scale_numbers(panel, "y", scores, ticks=False, linear=linear)
        placed = [p for each in self._panels for s in each.series.values() for p in s]
        if request.x.levels:
            columns = self.style.columns(len(self.made.panels))
            words = list(map(self.source.names.value, request.x.levels))
            name_ticks(panel, "x", words, self.style, columns)
            pad_limits(panel, "x", len(words))
        else:
            places = [point.place for point in placed]
            scale_numbers(panel, "x", places, request.x.is_shared, request.x.is_linear)

    @property
    def caption(self) -> str:
        """The sentences that say what is drawn."""
        request, names, every = self.made.request, self.source.names, self.made.every
        by, x = in_sentence(request.by.name, request.by, names), request.x.words(names)
        mark = "bands" if self.made.joined else "bars"
        return joined(
            [
                f"{capital(by)} against {x}.",
                self._choice(),
                f"Faint marks: seeds; strong marks: their means; {self.bands.words(mark)}.",
                f"Level lines: the best without {x}." * any(p.levels for p in self._panels),
                MISSED * any(point.item.short for point in every),
                more_panels(len(self._panels)),
                unequal_steps(point.item for point in every),
                of_race(self.source.ranking),
            ]
        )

    def _choice(self) -> str:
        """Return how one of several configurations at a place was chosen."""
        by = self.made.chosen_by
        if by is not None:
            rivals = max(point.rivals for point in self.made.every)
            return best_of(by, rivals, "At each place", self.source.names)
        if self.made.request.x.is_shared:
            return "Every configuration is drawn: no measure of validation is there to choose by."
        return "Each strong mark is a configuration."
