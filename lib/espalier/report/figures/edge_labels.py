"""The labels of panels that share their scales: at the edges of the grid alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espalier.report.figures.figure_style import FigureStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label_edges(panels: Sequence[Axes], style: FigureStyle, x: str, y: str) -> None:
    """Label the lowest panel of each column along its foot, and the first of each row."""
    columns = style.columns(len(panels))
    for place, panel in enumerate(panels):
        lowest = place + columns >= len(panels)
        panel.set_xlabel(x if lowest else "")
        panel.set_ylabel("" if place % columns else y)
        panel.tick_params(labelbottom=lowest)
