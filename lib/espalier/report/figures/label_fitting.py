"""Labels of axes and titles of panels in lines that are no longer than what they stand beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espalier.report.figures.axis_scales import Which, axis_of
from espalier.report.figures.figure_text import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

LINES = 3
"""Lines of a label at most."""


def fit_labels(figure: Figure) -> bool:
    """Break labels that are longer than their panels into lines; returns whether any was."""
    broken = [
        _fit(text, _length(panel, which))
        for panel in figure.axes
        if panel.get_visible() and panel.axison
        for text, which in _labels(panel)
    ]
    return any(broken)


def ignore_labels(figure: Figure, ignored: bool) -> None:
    """Lay a figure out as if it had no labels of axes, or with them again.

    A label that is longer than its panel would make that smaller still.
    """
    for panel in figure.axes:
        for text, _ in _labels(panel):
            text.set_in_layout(not ignored)


def _labels(panel: Axes) -> list[tuple[Text, Which]]:
    return [
        (panel.title, "x"),
        (axis_of(panel, "x").label, "x"),
        (axis_of(panel, "y").label, "y"),
    ]


def _length(panel: Axes, which: Which) -> float:
    """Return the length of a side of a panel in points."""
    box = panel.get_window_extent()
    figure = panel.get_figure(root=True)
    return 72 * (box.width if which == "x" else box.height) / (figure.dpi if figure else 72)


def _fit(text: Text, room: float) -> bool:
    before = text.get_text()
    lines = [
        line
        for given in before.split("\n")
        for line in wrap(given, float(text.get_fontsize()), room) or [given]
    ]
    after = "\n".join(lines[:LINES])
    if not text.get_visible() or after == before:
        return False
    text.set_text(after)
    return True
