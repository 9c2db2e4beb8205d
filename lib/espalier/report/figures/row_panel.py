"""A panel of rows: what each is stands to its left, what came of it as text to its right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.drawn_figure import NO_ROOM
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_style import SMALL, FigureStyle, new_panels
from espalier.report.figures.figure_text import shorten, text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICK = 3.5
"""The room of a tick along the foot, in sizes of the style's text."""
LEFT, PANEL = 0.32, 0.34
"""The most that texts to the left take of the width, and the least that is left to the panel."""
LINES, HEAD = 3, 6
"""Lines of a row at most, and of the head above all rows."""
VALUE, NAME = 24, 30
"""Characters of a value and of the name of a symbol at most."""
LINE, BETWEEN = 1.25, 0.55
"""The height of a line and of the space between two rows, in sizes of the texts."""
FOOT = 3.0
"""The room below the rows for the axis without its name, in sizes of the style's text."""
ROWS, TICKS = 60, 6
"""Rows of a figure at most, where TOP does not say how many, and ticks along its foot."""
TALL, SHARE = 7.0, 0.58
"""Inches that all rows take at most, and their share of the height that a style has."""
ABSENT = "\N{EN DASH}"
"""Stands for the value of a symbol that a row does not have."""


@dataclass(frozen=True)
class RowText:
    """What a row is, and parts of what came of it, which stay together in a line."""

    label: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class RowPanel:
    """A figure of one panel, the places of its rows from the top down.

    `ticks` is how many ticks have room along its foot.
    """

    figure: Figure
    panel: Axes
    places: tuple[float, ...]
    ticks: int


def fitted_panel(
    style: FigureStyle, head: RowText, rows: Sequence[RowText], label: str, top: int | None
) -> RowPanel:
    """Return a panel of the first of `rows` that have room, as `row_panel` does.

    With a `top` that a user gave it has all of them, as high as it takes, unless the style has a
    height. Raises NothingToDrawError if not even the first row has room.
    """
    if top is None or style.height:
        rows = rows[: rows_that_fit(style, head, rows, label)]
    return row_panel(style, head, rows, label)


def row_panel(style: FigureStyle, head: RowText, rows: Sequence[RowText], label: str) -> RowPanel:
    """Return a panel with the texts of `rows`, the first on top, and those of `head` above them.

    `label` is that of the axis along its foot.
    """
    left, right = _texts(style, [head, *rows])
    heights = _heights(left, right)
    ends = list(accumulate(heights))
    room = _between(style, left, right)
    lines = wrap(label, style.font, room)
    inches = (SMALL * ends[-1] + FOOT + LINE * len(lines)) * style.font / 72
    figure, [[panel]] = new_panels(style, heights=[inches])
    panel.set(ylim=(ends[-1], 0), yticks=[], xlabel="\n".join(lines))
    panel.spines["left"].set_visible(False)
    places = [end - height / 2 for end, height in zip(ends, heights, strict=True)]
    for place, own, other in zip(places, left, right, strict=True):
        _write(panel, place, "\n".join(own), 0, style)
        _write(panel, place, "\n".join(other), 1, style)
    ticks = min(TICKS, int(room / (TICK * style.font)))
    return RowPanel(figure, panel, tuple(places[1:]), max(1, ticks))


def rows_that_fit(style: FigureStyle, head: RowText, rows: Sequence[RowText], label: str) -> int:
    """Return how many of `rows`, from the first on, have room.

    That is in the height of the style, if it has one, else in a height that suits a page. Raises
    NothingToDrawError if not even the first has.
    """
    left, right = _texts(style, [head, *rows])
    ends = list(accumulate(_heights(left, right)))
    inches = TALL if style.height is None else SHARE * style.height
    foot = LINE * len(wrap(label, style.font, _between(style, left, right)))
    room = 72 * inches / (SMALL * style.font) - foot
    count = sum(end <= room for end in ends) - 1
    if count < 1:
        raise NothingToDrawError(NO_ROOM)
    return count


def _heights(left: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> list[float]:
    """Return the height of each row with the space below it, in sizes of the texts."""
    pairs = zip(left, right, strict=True)
    return [LINE * max(len(own), len(other)) + BETWEEN for own, other in pairs]


def _texts(style: FigureStyle, rows: Sequence[RowText]) -> tuple[list[list[str]], list[list[str]]]:
    """Return the lines to the left and to the right of each row."""
    size, width = SMALL * style.font, 72 * style.width
    limits = [HEAD, *(LINES for _ in rows[1:])]
    labels = zip((row.label for row in rows), limits, strict=True)
    left = [_lines(label, limit, size, LEFT * width) for label, limit in labels]
    taken = max(text_width(line, size) for lines in left for line in lines)
    return left, [_packed(row.parts, size, (1 - PANEL) * width - taken) for row in rows]


def _between(
    style: FigureStyle, left: Sequence[Sequence[str]], right: Sequence[Sequence[str]]
) -> float:
    """Return the width that texts on both sides leave, in points, about."""
    size, sides = SMALL * style.font, (left, right)
    widest = [max(text_width(line, size) for lines in side for line in lines) for side in sides]
    return 0.95 * (72 * style.width - sum(widest) - 2 * style.font)


def _lines(text: str, limit: int, size: float, room: float) -> list[str]:
    """Return a text in `limit` lines at most, without its middle where it has more."""
    lines = wrap(text, size, room)
    while len(lines) > limit:
        text = shorten(text, max(3, int(0.9 * len(text))))
        lines = wrap(text, size, room)
    return lines or [""]


def _packed(parts: Sequence[str], size: float, room: float) -> list[str]:
    """Return parts in as few lines as they have room in, each part in one of them."""
    lines: list[str] = []
    for part in filter(None, parts):
        longer = f"{lines[-1]}  {part}" if lines else part
        if lines and text_width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines or [""]


def _write(panel: Axes, place: float, text: str, side: int, style: FigureStyle) -> None:
    """Write to the left of a panel (`side` 0) or to its right (1), in a height of its rows."""
    away = 0.6 * style.font
    panel.annotate(
        text,
        (side, place),
        (away if side else -away, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=SMALL * style.font,
        horizontalalignment="left" if side else "right",
        multialignment="left" if side else "right",
        verticalalignment="center",
        annotation_clip=False,
    )


def value_label(names: AxisNames, symbols: Sequence[str], values: Mapping[str, str]) -> str:
    """Return the values of a row in the order of `symbols`, as `rigl, 0.9`."""
    texts = (values.get(name) for name in symbols)
    return ", ".join(
        ABSENT if text is None else shorten(names.value(text), VALUE) for text in texts
    )


def value_head(names: AxisNames, symbols: Sequence[str]) -> str:
    """Return what the values of rows are, in the order of `symbols`."""
    return ", ".join(shorten(names.short(name), NAME) for name in symbols)
