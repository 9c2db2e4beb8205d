"""Where the texts of a figure are: rectangles in pixels, turned as their texts are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from espalier.report.figures.axis_scales import WHICH, axis_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Text
    from matplotlib.transforms import BboxBase

SLACK = 0.12
"""The part of a text's height, at the top and at the foot, that is no ink."""

Point = tuple[float, float]


@dataclass(frozen=True)
class TextBox:
    """A text, its rectangle (pixels), the panel that it belongs to, and the axis of a tick."""

    text: str
    middle: Point
    width: float
    height: float
    angle: float  # radians
    panel: Axes | None = None
    axis: Axis | None = None

    @property
    def corners(self) -> list[Point]:
        """The four corners, one after another."""
        x, y = self.middle
        across = (self.width / 2 * math.cos(self.angle), self.width / 2 * math.sin(self.angle))
        up = (-self.height / 2 * math.sin(self.angle), self.height / 2 * math.cos(self.angle))
        signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
        return [(x + a * across[0] + b * up[0], y + a * across[1] + b * up[1]) for a, b in signs]


def near_pairs(boxes: Sequence[TextBox]) -> Iterator[tuple[TextBox, TextBox]]:
    """Yield the pairs whose upright rectangles meet, so that few of many are compared."""
    corners = np.array([box.corners for box in boxes]).reshape(-1, 4, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    for place, box in enumerate(boxes):
        rest = slice(place + 1, None)
        meet = (low[rest] < high[place]).all(axis=1) & (high[rest] > low[place]).all(axis=1)
        yield from ((box, boxes[place + 1 + other]) for other in np.flatnonzero(meet).tolist())


def overlap(first: TextBox, second: TextBox) -> bool:
    """Return whether two rectangles have an area in common.

    Source: Gottschalk, Lin and Manocha 1996, OBBTree: they are apart if an axis of one separates
    them.
    """
    for angle in {first.angle, second.angle}:
        for direction in (angle, angle + math.pi / 2):
            if _apart(first.corners, second.corners, direction):
                return False
    return True


def _apart(first: list[Point], second: list[Point], angle: float) -> bool:
    a, b = (
        [x * math.cos(angle) + y * math.sin(angle) for x, y in corners]
        for corners in (first, second)
    )
    return max(a) <= min(b) or max(b) <= min(a)


def rectangle(box: BboxBase, text: str = "") -> TextBox:
    """Return an upright rectangle."""
    return TextBox(text, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2), box.width, box.height, 0)


def text_boxes(figure: Figure) -> list[TextBox]:
    """Return the visible texts of a figure that is laid out."""
    boxes = [_box(text) for text in figure.texts if _is_shown(text)]
    for legend in figure.legends:
        boxes += _of_legend(legend)
    for panel in figure.axes:
        if panel.get_visible() and panel.axison:
            boxes += _of_panel(panel)
    return boxes


def _of_panel(panel: Axes) -> Iterator[TextBox]:
    titles = [panel.title, panel._left_title, panel._right_title]  # type: ignore[attr-defined]
    labels = [axis_of(panel, which).label for which in WHICH]
    for text in (*titles, *labels, *panel.texts):
        if _is_shown(text):
            yield _box(text, panel)
    for which in WHICH:
        yield from _of_ticks(panel, axis_of(panel, which))
    if legend := panel.get_legend():
        yield from _of_legend(legend)


def _of_ticks(panel: Axes, axis: Axis) -> Iterator[TextBox]:
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        if low - slack <= tick.get_loc() <= high + slack:
            for text in (tick.label1, tick.label2):
                if _is_shown(text):
                    yield _box(text, panel, axis)


def _of_legend(legend: Legend) -> Iterator[TextBox]:
    for text in (legend.get_title(), *legend.get_texts()):
        if _is_shown(text):
            yield _box(text)


def _is_shown(text: Text) -> bool:
    return text.get_visible() and bool(text.get_text().strip())


def _box(text: Text, panel: Axes | None = None, axis: Axis | None = None) -> TextBox:
    """Return the rectangle of a text, which lies in the middle of its upright one."""
    outer = text.get_window_extent()
    turned = text.get_rotation()
    text.set_rotation(0)
    inner = text.get_window_extent()
    text.set_rotation(turned)
    middle = ((outer.x0 + outer.x1) / 2, (outer.y0 + outer.y1) / 2)
    line = inner.height / (1 + text.get_text().count("\n"))
    height = inner.height - 2 * SLACK * line
    return TextBox(text.get_text(), middle, inner.width, height, math.radians(turned), panel, axis)
