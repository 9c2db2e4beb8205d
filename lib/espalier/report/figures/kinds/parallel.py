"""Parallel coordinates: a line a configuration, through its swept values and its measures.

Axes stand side by side where their names have room, else they lie below each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from espalier.report.figures.axis_scales import fenced_range
from espalier.report.figures.caption_parts import joined, symbols_left_out
from espalier.report.figures.drawn_figure import NO_ROOM, DrawnFigure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import SCALE, SMALL, FigureStyle, new_panels
from espalier.report.figures.figure_text import fit, seeds_text, text_width, wrap
from espalier.report.figures.parallel_axes import (
    ABSENT,
    ParallelAxis,
    apart,
    parallel_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

WIDTH = 0.8
"""The share of the width that the axes have."""
NAMES = 0.3
"""The share of the width that names take to the left of axes that lie."""
STEP, ROW = 6.0, 3.4
"""The least distance of axes that stand, and that of axes that lie, in sizes of the text."""
STANDING, BAR = 0.8, 5.0
"""The share of the height that axes that stand have, and the room of the colour bar in texts."""
NEAREST = 1.25
"""The least distance of axes that lie, in sizes of the text."""
NAME_LINES = 5
"""Lines of a name at most."""
LYING = 0.45
"""The share of the height of a style that axes that lie have."""
LINES = 25
"""Lines that are nearly opaque; of more, each is fainter."""
FAINTEST, STRONGEST = 0.15, 0.9
VECTORS = 1000
"""More lines than these are drawn as pixels in a file of vectors."""
Side = Literal["left", "center", "right"]
SIDES: dict[Side, float] = {"left": 0.0, "center": 0.5, "right": 1.0}
"""The share of a text that lies before the place where it is written."""
EDGE = 0.06
"""So near to its ends the texts of an axis that lies do not go beyond them."""
PALE = 0.08
"""The share of the colours that is too pale to be seen."""


@dataclass(frozen=True)
class _Frame:
    """A panel whose axes stand or lie, so many points long."""

    panel: Axes
    style: FigureStyle
    stands: bool
    count: int

    def point(self, axis: float, place: float) -> tuple[float, float]:
        """Return where a place on an axis lies in the panel."""
        return (axis, place) if self.stands else (place, axis)

    @property
    def length(self) -> float:
        """The length of an axis in points, about."""
        style, bar = self.style, BAR * self.style.font
        if self.stands:
            whole = 72 * STANDING * (style.height or style.row_height) - bar * (not style.beside)
        else:
            whole = 72 * style.width * (1 - NAMES) - bar * style.beside
        return max(1.0, whole) / (1 - ABSENT)

    @property
    def step(self) -> float:
        """The distance of axes that stand, in points, about."""
        return WIDTH * 72 * self.style.width / self.count

    @property
    def lines(self) -> int:
        """How many lines a name has at most: those of neighbours that lie keep apart."""
        if self.stands:
            return NAME_LINES
        return max(1, min(NAME_LINES, int(lying_row(self.style, self.count) / (1.2 * self.size))))

    @property
    def size(self) -> float:
        """The size of the texts of ticks."""
        return SMALL * self.style.font


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure. Raises NothingToDrawError unless two configurations differ."""
    axes, left_out = parallel_axes(source.ranking, source.symbols, source.names)
    stands = stands_up(style, len(axes))
    inches = style.row_height if stands else (ROW * len(axes) + STEP) * style.font / 72
    figure, [[panel]] = new_panels(style, heights=[inches])
    frame = _Frame(panel, style, stands, len(axes))
    scores = [item.score.mean for item in source.ranking.ranked if item.score]
    low, high, beyond = fenced_range(scores, source.ranking.measure.larger)
    colours = _colours(low, high, source.ranking.measure.larger)
    _lines(frame, axes, scores, colours)
    for place, axis in enumerate(axes):
        _axis(frame, place, axis)
    _names(frame, axes)
    beside = "right" if style.beside else "bottom"
    bar = figure.colorbar(colours, ax=panel, location=beside, extend=beyond, aspect=30, pad=0.02)
    bar.set_label(source.names.measure(source.ranking.measure))
    return DrawnFigure(figure, _caption(source, axes, left_out))


def stands_up(style: FigureStyle, count: int) -> bool:
    """Return whether so many axes have room side by side."""
    return WIDTH * 72 * style.width / count >= STEP * style.font


def lying_row(style: FigureStyle, count: int) -> float:
    """Return the distance of so many axes that lie, in points.

    Raises NothingToDrawError if a style with a height has no room for them.
    """
    if style.height is None:
        return ROW * style.font
    row = 72 * LYING * style.height / count
    if row < NEAREST * style.font:
        raise NothingToDrawError(NO_ROOM)
    return row


def _lines(
    frame: _Frame,
    axes: Sequence[ParallelAxis],
    scores: Sequence[float],
    colours: ScalarMappable,
) -> None:
    """Draw the lines, best first as `scores` are; the best is drawn last and strongest."""
    import numpy as np
    from matplotlib.collections import LineCollection

    rows = zip(*(axis.places for axis in axes), strict=True)
    paths = [[frame.point(n, ABSENT if p is None else p) for n, p in enumerate(r)] for r in rows]
    faint = max(FAINTEST, min(STRONGEST, LINES / len(paths)))
    for part, width, alpha in ((slice(None), 1.0, faint), (slice(1), 2.5, 1.0)):
        looks = colours.to_rgba(np.array(scores[part][::-1]), alpha=alpha)
        lines = LineCollection(paths[part][::-1], colors=looks, zorder=2)
        lines.set(linewidth=width * frame.style.line, rasterized=len(paths[part]) > VECTORS)
        frame.panel.add_collection(lines)


def _colours(low: float, high: float, larger: bool) -> ScalarMappable:
    """Return the colours of scores, the better the darker."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = colormaps[f"{SCALE}_r"](np.linspace(PALE, 1, 256))
    return ScalarMappable(Normalize(low, high), ListedColormap(shades if larger else shades[::-1]))


def _axis(frame: _Frame, place: int, axis: ParallelAxis) -> None:
    """Draw an axis with its ticks, and the place of what is absent."""
    ends = [frame.point(place, 0), frame.point(place, 1)]
    frame.panel.plot(*zip(*ends, strict=True), color="#666666", zorder=1)
    absent = [(ABSENT, "n/a")] if None in axis.places else []
    room = frame.step - 0.6 * frame.style.font if frame.stands else frame.length / 2
    ticks = [(at, fit(text, frame.size, room)) for at, text in (*absent, *axis.ticks)]
    for at, text in apart(ticks, [_extent(frame, at, text) for at, text in ticks]):
        _write(frame, place, at, text)


def _extent(frame: _Frame, at: float, text: str) -> tuple[float, float]:
    """Return from where to where on an axis the text of a tick goes."""
    if frame.stands:
        half = 0.6 * frame.size / frame.length
        return at - half, at + half
    width, gap = text_width(text, frame.size) / frame.length, 0.9 * frame.size / frame.length
    first = at - width * SIDES[_side(at)]
    return first, first + width + gap


def _side(at: float) -> Side:
    """Return which end of a text stands at a place of an axis that lies, so that none leaves it."""
    if not EDGE < at < 1 - EDGE:
        return "right" if at > 0.5 else "left"
    return "center"


def _write(frame: _Frame, axis: float, at: float, text: str) -> None:
    """Write a tick beside an axis that stands, or below one that lies, over the lines."""
    from matplotlib.patheffects import withStroke

    away = 0.3 * frame.style.font
    frame.panel.annotate(
        text,
        frame.point(axis, at),
        (away, 0) if frame.stands else (0, -away),
        textcoords="offset points",
        fontsize=frame.size,
        horizontalalignment="left" if frame.stands else _side(at),
        verticalalignment="center" if frame.stands else "top",
        path_effects=[withStroke(linewidth=0.25 * frame.style.font, foreground="white")],
        zorder=4,
        annotation_clip=False,
    )


def _names(frame: _Frame, axes: Sequence[ParallelAxis]) -> None:
    """Name the axes: below those that stand, to the left of those that lie."""
    panel, style = frame.panel, frame.style
    room = frame.step if frame.stands else NAMES * 72 * style.width
    names = ["\n".join(wrap(axis.label, frame.size, 0.94 * room)[: frame.lines]) for axis in axes]
    across, along = (panel.xaxis, panel.yaxis) if frame.stands else (panel.yaxis, panel.xaxis)
    across.set_ticks(range(len(axes)), names)
    along.set_ticks([])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    first = ABSENT if any(None in axis.places for axis in axes) else 0
    ends = [frame.point(-0.3, first - 0.05), frame.point(len(axes) - 0.4, 1.05)]
    (left, bottom), (right, top) = ends
    panel.set(xlim=(left, right), ylim=(bottom, top) if frame.stands else (top, bottom))


def _caption(source: FigureInput, axes: Sequence[ParallelAxis], left_out: int) -> str:
    """Return what lines, their ends and their colours are."""
    ranking = source.ranking
    logs = [axis.label for axis in axes if axis.log]
    absent = any(None in axis.places for axis in axes)
    sentences = [
        f"A line a configuration ({len(ranking.ranked)}), through its swept values and the means "
        f"of its measures ({seeds_text(len(item.scores) for item in ranking.ranked)}).",
        f"Coloured by {ranking.measure.label}: the darker, the better; the best is thick.",
        "Lines at n/a have no such value." * absent,
        f"Logarithmic: {', '.join(logs)}." if logs else "",
        symbols_left_out(left_out),
    ]
    return joined(sentences)
