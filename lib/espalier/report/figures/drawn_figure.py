"""A figure with what is said of it: the caption below, the legend beside, the title above."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from espalier.report.figures.axis_scales import thin_ticks
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_style import SMALL, TITLE, FigureStyle
from espalier.report.figures.figure_text import drawable, shorten, wrap
from espalier.report.figures.label_fitting import fit_labels, ignore_labels

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Text

ENTRIES = 12
"""Entries that a legend names at most."""
NAME = 30
"""Characters of a name in a legend."""
MARGIN = 0.06
"""Inches between the caption and the edges of the figure."""
PADDING = 0.07
"""Inches around panels and between them."""

NO_ROOM = "there is no room for its panels; take a larger SIZE, or another STYLE"


@dataclass(frozen=True)
class DrawnFigure:
    """A figure, and the sentences that say what is drawn, how many seeds and which intervals."""

    figure: Figure
    caption: str


def add_legend(
    figure: Figure, style: FigureStyle, entries: Mapping[str, Artist], title: str = ""
) -> None:
    """Put a legend beside the panels, or below them where there is no room beside.

    `entries` are artists by name, those that come first the more important ones: of very many the
    others are only counted. Nothing is added without an entry.
    """
    if not entries:
        return
    named = list(entries.items())[:ENTRIES]
    labels = [shorten(name, NAME) for name, _ in named]
    handles: list[Artist] = [artist for _, artist in named]
    if more := len(entries) - len(named):
        labels.append(f"and {more} more")
        handles.append(_nothing())
    if style.beside:
        figure.legend(handles, labels, loc="outside right upper", title=title)
    else:
        _legend_below(figure, handles, labels, title)


def _nothing() -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none")


def _legend_below(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], title: str
) -> None:
    """Add a legend in as many columns as the width has room for; the figure grows by it."""
    for columns in range(len(labels), 0, -1):
        place: Literal["outside lower center"] = "outside lower center"
        legend = figure.legend(handles, labels, loc=place, ncols=columns, title=title)
        if columns == 1 or _width(legend) <= figure.bbox.width:
            return
        legend.remove()


def _width(legend: Legend) -> float:
    return float(legend.get_window_extent().width)


def finish(drawn: DrawnFigure, style: FigureStyle, title: str = "") -> DrawnFigure:
    """Return the figure with its title and its caption, laid out for good.

    Unless the style has a height the figure grows by what is said of it.
    """
    figure, caption = drawn.figure, drawable(drawn.caption)
    head, foot = _add_title(figure, title, style), _add_caption(figure, caption, style)
    if style.height is None:
        _grow(figure, head, foot)
    height = figure.get_size_inches()[1]
    _lay_out(figure, head / height, foot / height)
    return DrawnFigure(figure, caption)


def _room(style: FigureStyle) -> float:
    """Return the width of text in points."""
    return 72 * (style.width - 2 * MARGIN)


def _add_title(figure: Figure, title: str, style: FigureStyle) -> float:
    """Write a title above a figure; returns the height in inches that it takes."""
    lines = wrap(drawable(title), TITLE * style.font, _room(style))
    return _inches(figure.suptitle("\n".join(lines))) + MARGIN if lines else 0.0


def _add_caption(figure: Figure, caption: str, style: FigureStyle) -> float:
    """Write the caption at the foot of a figure; returns the height in inches that it takes."""
    lines = wrap(caption, SMALL * style.font, _room(style))
    if not lines:
        return 0.0
    text = figure.text(MARGIN, MARGIN, "\n".join(lines), transform=figure.dpi_scale_trans)
    text.set(fontsize=SMALL * style.font, verticalalignment="bottom", color="#333333")
    text.set_in_layout(False)
    return _inches(text) + 2 * MARGIN


def _grow(figure: Figure, head: float, foot: float) -> None:
    """Make a figure higher by its title, its caption and a legend below the panels."""
    below = [each for each in figure.legends if _outside(each) == "lower"]
    beside = [each for each in figure.legends if _outside(each) == "right"]
    width, height = figure.get_size_inches()
    height = max(height + sum(map(_inches, below)), *map(_inches, beside), 0.0)
    figure.set_size_inches(width, head + height + foot)


def _outside(legend: Legend) -> str | None:
    """Return on which side of the panels a legend is."""
    return getattr(legend, "_outside_loc", None)


def _inches(item: Legend | Text) -> float:
    """Return the height of a text or a legend."""
    figure = item.get_figure(root=True)
    return float(item.get_window_extent().height / figure.dpi) if figure else 0.0


def _lay_out(figure: Figure, head: float, foot: float) -> None:
    """Place panels and legends for good, clear of shares of the height at the head and foot.

    Raises NothingToDrawError if what stands beside the panels leaves no room for them.
    """
    if head + foot >= 1:
        raise NothingToDrawError(NO_ROOM)
    area = (0, foot, 1, 1 - foot)
    figure.set_layout_engine("constrained", rect=area, w_pad=PADDING, h_pad=PADDING)
    ignore_labels(figure, True)
    _draw(figure)
    fit_labels(figure)
    ignore_labels(figure, False)
    _draw(figure)
    if fit_labels(figure):
        _draw(figure)
    if thin_ticks(figure):
        _draw(figure)
    figure.set_layout_engine("none")
    beside = (0, foot, 1, 1 - foot - head)
    for legend in figure.legends:  # not before: a legend with an anchor gets no room
        legend.set_bbox_to_anchor(beside, transform=figure.transFigure)


def _draw(figure: Figure) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="constrained_layout not applied")
        try:
            figure.draw_without_rendering()
        except UserWarning:
            raise NothingToDrawError(NO_ROOM) from None
