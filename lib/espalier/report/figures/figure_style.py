"""How figures look: their sizes for a column, a page or a talk, their colours, their panels.

Whatever draws does so within `drawing`, so that no setting of a user's matplotlib changes a figure
and no text of a store is read as mathematics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from espalier.core.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SMALL = 0.88
"""The size of texts beside panels, of ticks and of captions, in sizes of the style's text."""
TITLE = 1.1
"""The size of a title, in sizes of the style's text."""


@dataclass(frozen=True)
class FigureStyle:
    """A size of figures: the width in inches, of text and lines in points.

    `height` in inches is that of the whole figure; None makes it as high as it takes. At most
    `side_by_side` panels are in a row; `beside` says whether a legend has room beside them.
    """

    name: str
    width: float
    font: float
    dpi: int
    line: float
    marker: float
    side_by_side: int
    beside: bool
    height: float | None = None

    @property
    def row_height(self) -> float:
        """The height of a row of panels in inches, where nothing else says it."""
        return SHARE * min(self.width, LOW * self.font) + BELOW * self.font / 72

    def columns(self, count: int) -> int:
        """Return how many of `count` panels stand side by side."""
        return max(1, min(self.side_by_side, count))


SHARE, LOW, BELOW = 0.5, 0.72, 4.5
"""The height of a row as a share of the width, up to a width in inches for each point of text; and
for what stands below its panels, in sizes of the text."""
STYLES = {
    style.name: style
    for style in (
        FigureStyle("column", 3.4, 8, 300, 1.0, 3.5, 1, False),
        FigureStyle("page", 7.0, 9, 200, 1.3, 4.5, 3, True),
        FigureStyle("talk", 10.0, 16, 150, 2.2, 8.0, 2, True),
    )
}
"""The sizes: a column of a paper, its whole page, a slide."""
USUAL = "page"
"""The size where none is given."""


LOWEST, HIGHEST = 30, 1200
"""Dots per inch."""
SMALLEST, LARGEST = 1.0, 40.0
"""Inches that a figure is wide and high, at least and at most."""


def resized(style: FigureStyle, size: str | None, dpi: int | None) -> FigureStyle:
    """Return a style with a text of SIZE as its width and height, and its own dots per inch.

    Raises UserError for a text that is no size.
    """
    if dpi and not LOWEST <= dpi <= HIGHEST:
        raise UserError(f"DPI={dpi}: must be an integer from {LOWEST} to {HIGHEST}")
    style = replace(style, dpi=dpi) if dpi else style
    if not size:
        return style
    try:
        width, height = map(float, size.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not all(SMALLEST <= inches <= LARGEST for inches in (width, height)):
        rule = f"must be width x height in inches, each from {SMALLEST:g} to {LARGEST:g}"
        raise UserError(f"SIZE={size}: {rule}, as in 3.4x2.6")
    return replace(style, width=width, height=height)


class SeriesLook(NamedTuple):
    """What tells a series from others: its colour, its marker, its line."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]


BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#999999"
"""Colours that the colour-blind tell apart, and a grey. Source: Okabe and Ito 2008."""
LIGHT = "#cccccc"
SCALE = "viridis"
"""The colours of what is ordered, which the colour-blind see as dark to bright."""
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
)
SERIES = tuple(
    SeriesLook(*look) for look in islice(zip(cycle(COLOURS), cycle(MARKERS), cycle(LINES)), 210)
)
"""Looks of series, no two the same, so that they differ without colour too."""


def series_look(place: int) -> SeriesLook:
    """Return the look of the series at a place, from 0."""
    return SERIES[place % len(SERIES)]


@contextmanager
def drawing(style: FigureStyle) -> Iterator[None]:
    """Draw with the settings of a style, whatever a user's own settings are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(style))
        yield


def _settings(style: FigureStyle) -> dict[Any, Any]:
    small = SMALL * style.font
    return {
        "text.parse_math": False,
        "font.size": style.font,
        "axes.titlesize": style.font,
        "axes.labelsize": style.font,
        "xtick.labelsize": small,
        "ytick.labelsize": small,
        "legend.fontsize": small,
        "legend.title_fontsize": small,
        "legend.frameon": False,
        "figure.titlesize": TITLE * style.font,
        "lines.linewidth": style.line,
        "lines.markersize": style.marker,
        "axes.linewidth": 0.6 * style.line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.5 * style.line,
        "errorbar.capsize": 0.5 * style.marker,
        "savefig.dpi": style.dpi,
        "figure.dpi": style.dpi,
        "pdf.fonttype": 42,
        "svg.hashsalt": "espalier",
    }


def new_panels(
    style: FigureStyle,
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
    shared: Literal["", "x", "y", "xy"] = "",
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure and its panels, row by row.

    `heights` are those of the rows in inches; `shared` are the axes that all panels have alike.
    """
    from matplotlib.figure import Figure

    inches = list(heights or [style.row_height] * rows)
    height = style.height or sum(inches)
    figure = Figure(figsize=(style.width, height), dpi=style.dpi, layout="constrained")
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex="x" in shared,
        sharey="y" in shared,
        height_ratios=inches,
    )
    return figure, [list(row) for row in grid]


def panel_grid(
    style: FigureStyle, count: int, shared: Literal["", "x", "y", "xy"] = ""
) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` panels in as many rows as they take, and the panels."""
    columns = style.columns(count)
    figure, grid = new_panels(style, -(-count // columns), columns, shared=shared)
    panels = [panel for row in grid for panel in row]
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels[:count]
