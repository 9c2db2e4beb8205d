"""The titles and labels of panels, in lines that have room, at the edges of a grid alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_style import FigureStyle
from espalier.report.figures.figure_text import ELLIPSIS, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = 2
"""Lines of a label or a title at most."""
ACROSS, UP = 0.6, 0.72
"""About how long axes are: shares of the width of a figure, and of the height of a row."""


def label_edges(panels: Sequence[Axes], style: FigureStyle, x: str, y: str) -> None:
    """Label the lowest panel of each column along its foot, and the first of each row."""
    columns = style.columns(len(panels))
    for place, panel in enumerate(panels):
        lowest = place + columns >= len(panels)
        panel.set_xlabel(x if lowest else "")
        panel.set_ylabel("" if place % columns else y)
        panel.tick_params(labelbottom=lowest)


def title_panel(
    panel: Axes, values: Mapping[str, str], names: AxisNames, style: FigureStyle, count: int
) -> None:
    """Write above one of `count` panels the values of the symbols that tell it from the others."""
    if values:
        across, _ = _room(style, style.columns(count), 1)
        panel.set_title(_fitted(names.series(values), style, across))


def fit_up(text: str, style: FigureStyle) -> str:
    """Return the label of an axis that goes up, in lines that have room beside a row of panels."""
    _, up = _room(style, 1, 1)
    return _fitted(text, style, up)


def _room(style: FigureStyle, columns: int, rows: int) -> tuple[float, float]:
    """Return about how long the axes of a panel are, in points."""
    own = min(style.row_height, (style.height or float("inf")) / rows / 2)
    return 72 * ACROSS * style.width / columns, 72 * UP * own


def _fitted(text: str, style: FigureStyle, room: float) -> str:
    lines = wrap(text, style.font, room)
    more = [lines[LINES - 1] + ELLIPSIS] if len(lines) > LINES else lines[LINES - 1 : LINES]
    return "\n".join([*lines[: LINES - 1], *more])
