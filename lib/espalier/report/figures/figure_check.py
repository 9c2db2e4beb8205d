"""A look at a figure by program: what is cut, what lies over what.

It speaks of a figure that is laid out. `make figures` prints what it returns; tests hold that it
is nothing, for every kind of figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from espalier.report.figures.data_boxes import marker_boxes
from espalier.report.figures.figure_text import shorten
from espalier.report.figures.text_boxes import (
    TextBox,
    near_pairs,
    overlap,
    rectangle,
    text_boxes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.transforms import BboxBase

PIXELS = 1.0
"""What rounding may come to."""
NAME = 30
"""Characters of a text that a line quotes."""


def look_at(figure: Figure) -> list[str]:
    """Return a line for each fault of a figure that is laid out; none if it has none."""
    figure.draw_without_rendering()
    boxes = text_boxes(figure)
    faults = [
        *_beyond_canvas(figure, boxes),
        *_over_text(boxes),
        *_over_panels(figure, boxes),
        *_legends(figure),
        *_cut_data(figure),
    ]
    return list(dict.fromkeys(faults))


def _beyond_canvas(figure: Figure, boxes: list[TextBox]) -> Iterator[str]:
    for box in boxes:
        if not all(_holds(figure.bbox, x, y) for x, y in box.corners):
            yield f"text leaves the figure: {_quoted(box)}"


def _over_text(boxes: list[TextBox]) -> Iterator[str]:
    for first, second in near_pairs(boxes):
        if overlap(first, second):
            same = first.axis is not None and first.axis is second.axis
            what = "labels of ticks overlap" if same else "text lies over text"
            yield f"{what}: {_quoted(first)} and {_quoted(second)}"


def _over_panels(figure: Figure, boxes: list[TextBox]) -> Iterator[str]:
    """Yield texts that lie over a panel that they do not belong to."""
    for panel in _panels(figure):
        area = rectangle(panel.get_window_extent())
        for box in boxes:
            if not _belongs(box, panel) and overlap(box, area):
                yield f"text lies over a panel: {_quoted(box)}"


def _belongs(box: TextBox, panel: Axes) -> bool:
    own = box.panel
    return own is not None and bool((own.bbox.bounds == panel.bbox.bounds) or own is panel)


def _legends(figure: Figure) -> Iterator[str]:
    for legend in _every_legend(figure):
        box = legend.get_window_extent()
        if not _is_within(box, figure.bbox):
            yield "the legend leaves the figure"
        if any(
            overlap(rectangle(box), rectangle(panel.get_window_extent()))
            for panel in _panels(figure)
        ):
            yield "the legend lies over a panel"


def _every_legend(figure: Figure) -> Iterator[Legend]:
    yield from figure.legends
    for panel in _panels(figure):
        if legend := panel.get_legend():
            yield legend


def _cut_data(figure: Figure) -> Iterator[str]:
    for panel in _panels(figure):
        for box, clipped in marker_boxes(panel):
            if not _is_within(box, panel.get_window_extent() if clipped else figure.bbox):
                frame = "the frame of its panel" if clipped else "the edge of the figure"
                yield f"a marker, line or bar is cut by {frame}: {_quoted_name(panel)}"


def _panels(figure: Figure) -> list[Axes]:
    return [panel for panel in figure.axes if panel.get_visible() and panel.axison]


def _is_within(box: BboxBase, outer: BboxBase) -> bool:
    return _holds(outer, box.x0, box.y0) and _holds(outer, box.x1, box.y1)


def _holds(outer: BboxBase, x: float, y: float) -> bool:
    across = outer.x0 - PIXELS <= x <= outer.x1 + PIXELS
    return bool(across and outer.y0 - PIXELS <= y <= outer.y1 + PIXELS)


def _quoted(box: TextBox) -> str:
    return repr(shorten(box.text, NAME))


def _quoted_name(panel: Axes) -> str:
    return repr(shorten(panel.get_title() or panel.get_ylabel() or panel.get_xlabel(), NAME))
