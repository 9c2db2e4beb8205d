"""Series set apart by a part of a marker, so that equal points do not hide each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espalier.report.figures.figure_style import FigureStyle

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SPREAD = 1.0
"""How far the first series stands from the last, in sizes of a marker."""


def set_apart(panel: Axes, drawn: Artist, place: int, count: int, style: FigureStyle) -> None:
    """Move what is drawn of one series of `count` to the side; the limits do not change."""
    from matplotlib.transforms import ScaledTranslation

    points = SPREAD * style.marker * (place / (count - 1) - 0.5) if count > 1 else 0.0
    move = ScaledTranslation(points / 72, 0, panel.get_figure(root=True).dpi_scale_trans)
    drawn.set_transform(panel.transData + move)
