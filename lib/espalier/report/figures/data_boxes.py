"""Where the data of a panel are: the rectangles of its dots, lines, bars and bands in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

NO_MARKER = ("", " ", "None", "none", None)


def marker_boxes(panel: Axes) -> Iterator[tuple[Bbox, bool]]:
    """Yield the rectangle of the markers of each series, and whether the panel's frame cuts them.

    A series without markers has the rectangle of its line, a bar or a band that of its ends.
    """
    for line in panel.lines:
        if line.get_visible() and (box := _of_line(line)) is not None:
            yield box, line.get_clip_on()
    for each in panel.collections:
        if each.get_visible() and (box := _of_collection(each)) is not None:
            yield box, each.get_clip_on()
    for patch in panel.patches:
        if patch.get_visible():
            yield patch.get_window_extent(), patch.get_clip_on()


def _of_line(line: Line2D) -> Bbox | None:
    points = line.get_transform().transform(line.get_xydata())
    return _around(points, *_reach(line))


def _reach(line: Line2D) -> tuple[float, float]:
    """Return how far a marker reaches to the side and up, in pixels."""
    from matplotlib.markers import MarkerStyle

    figure = line.get_figure(root=True)
    if line.get_marker() in NO_MARKER or figure is None:
        return 0.0, 0.0
    marker = MarkerStyle(line.get_marker())
    box = marker.get_path().transformed(marker.get_transform()).get_extents()
    pixels = line.get_markersize() * figure.dpi / 72
    return max(abs(box.x0), abs(box.x1)) * pixels, max(abs(box.y0), abs(box.y1)) * pixels


def _of_collection(each: Collection) -> Bbox | None:
    """Return the rectangle of dots by their sizes, or else of paths by their points."""
    figure = each.get_figure(root=True)
    sizes = each.get_sizes() if hasattr(each, "get_sizes") else ()
    if len(sizes) and figure is not None:
        points = each.get_offset_transform().transform(np.ma.filled(each.get_offsets(), np.nan))
        reach = math.sqrt(max(sizes)) / 2 * figure.dpi / 72
        return _around(points, reach, reach)
    paths = [each.get_transform().transform(path.vertices) for path in each.get_paths()]
    return _around(np.concatenate(paths), 0, 0) if paths else None


def _around(points: np.ndarray, across: float, up: float) -> Bbox | None:
    """Return the rectangle of points that have a size; None without a finite one."""
    from matplotlib.transforms import Bbox

    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite):
        return None
    low, high = finite.min(axis=0), finite.max(axis=0)
    return Bbox([[low[0] - across, low[1] - up], [high[0] + across, high[1] + up]])
