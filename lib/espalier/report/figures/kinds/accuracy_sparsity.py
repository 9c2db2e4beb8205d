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
    capital,
    joined,
    more_panels,
    unequal_steps,
)
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.edge_labels import label_edges
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_style import FigureStyle, panel_grid
from espalier.report.figures.numbers.figure_axis import in_sentence
from espalier.report.figures.numbers.seed_bands import SeedBands
from espalier.report.figures.numbers.series import SeriesKey, panel_title, series_title
from espalier.report.figures.numbers.trade_offs import (
    TradeOffs,
    TradePanel,
    TradePoint,
    trade_offs,
    trade_request,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SEED, BAND = 0.4, 0.15
"""The opacity of a seed, and of a band."""
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
        panel.set_title(panel_title(made.request.between, values, names))
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
            entries[f"{key.name(names)} (level)"] = self._level(panel, key, point)
        self._scale(panel)
        return entries

    def _series(self, panel: Axes, key: SeriesKey, points: Sequence[TradePoint]) -> Artist:
        look, shift = key.look, self._shift(key)
        seeds = [(x + shift, y) for point in points for x, y in point.seeds]
        size = 0.6 * self.style.marker
        panel.plot(
            *zip(*seeds, strict=True),
            look.marker,
            color=look.colour,
            alpha=SEED,
            markersize=size,
            mew=0,
        )
        places = [point.place + shift for point in points]
        means = [point.score.mean for point in points]
        joined = self.made.joined and len(points) > 1
        self._sureness(panel, key, points, joined)
        line = look.line if joined else "none"
        faces = ["white" if point.item.short else look.colour for point in points]
        (drawn,) = panel.plot(places, means, look.marker, linestyle=line, color=look.colour)
        hollow = [n for n, face in enumerate(faces) if face == "white"]
        if hollow:
            spots = [places[n] for n in hollow], [means[n] for n in hollow]
            panel.plot(*spots, look.marker, color=look.colour, markerfacecolor="white")
        return drawn

    def _sureness(
        self, panel: Axes, key: SeriesKey, points: Sequence[TradePoint], joined: bool
    ) -> None:
        """Draw a band along joined points, else a bar at each."""
        ends = [(point, ends) for point in points if (ends := self._ends(point))]
        places = [point.place + self._shift(key) for point, _ in ends]
        lows, highs = [low for _, (low, _) in ends], [high for _, (_, high) in ends]
        if joined:
            panel.fill_between(places, lows, highs, color=key.look.colour, alpha=BAND, linewidth=0)
        else:
            panel.vlines(places, lows, highs, color=key.look.colour, linewidth=self.style.line)

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
        scale_numbers(panel, "y", scores, ticks=False, linear=request.by.unit == "%")
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
