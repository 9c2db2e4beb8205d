"""The marks of a series: every seed faintly, the means of its points, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from espalier.report.figures.figure_style import FigureStyle, SeriesLook

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SEED, BAND = 0.4, 0.15
"""The opacity of a seed, and of a band."""
SMALL = 0.6
"""The size of a seed, in sizes of a marker."""
SPREAD = 1.0
"""How far the first series stands from the last, in sizes of a marker."""

Spot = tuple[float, float]


@dataclass(frozen=True)
class MarkedPoint:
    """A point: its place, its mean, where each seed is, and the ends of its band, if it has one.

    A `hollow` one is empty inside.
    """

    place: float
    mean: float
    seeds: Sequence[Spot]
    ends: Spot | None
    hollow: bool = False


def paint_series(
    panel: Axes, look: SeriesLook, points: Sequence[MarkedPoint], joined: bool, style: FigureStyle
) -> list[Artist]:
    """Draw the points of a series along the axis; returns what was drawn, the means first.

    Joined points have a line and a band, others a bar each.
    """
    joined = joined and len(points) > 1
    dots = _plot(panel, look, [spot for point in points for spot in point.seeds])
    dots.set(alpha=SEED, markersize=SMALL * style.marker, markeredgewidth=0)
    sure = _paint_ends(panel, look, points, joined, style)
    means = _plot(panel, look, [(point.place, point.mean) for point in points])
    means.set(linestyle=look.line if joined else "none")
    drawn: list[Artist] = [means, dots, *([] if joined else sure)]
    if hollow := [(point.place, point.mean) for point in points if point.hollow]:
        empty = _plot(panel, look, hollow)
        empty.set_markerfacecolor("white")
        drawn.append(empty)
    return drawn


def _plot(panel: Axes, look: SeriesLook, spots: Sequence[Spot]) -> Line2D:
    places, values = zip(*spots, strict=True)
    (drawn,) = panel.plot(places, values, look.marker, color=look.colour)
    return drawn


def _paint_ends(
    panel: Axes, look: SeriesLook, points: Sequence[MarkedPoint], joined: bool, style: FigureStyle
) -> list[Artist]:
    ends = [(point.place, *point.ends) for point in points if point.ends]
    if not ends:
        return []
    places, lows, highs = zip(*ends, strict=True)
    if joined:
        return [panel.fill_between(places, lows, highs, color=look.colour, alpha=BAND, linewidth=0)]
    return [panel.vlines(places, lows, highs, color=look.colour, linewidth=style.line)]


def set_apart(
    panel: Axes, drawn: Sequence[Artist], place: int, count: int, style: FigureStyle
) -> None:
    """Move one of `count` series to the side by a part of a marker, so that none hides another.

    The limits of the panel do not change.
    """
    from matplotlib.transforms import ScaledTranslation

    figure = panel.get_figure(root=True)
    points = SPREAD * style.marker * (place / (count - 1) - 0.5) if count > 1 else 0.0
    if figure is not None:
        move = ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)
        for artist in drawn:
            artist.set_transform(panel.transData + move)
