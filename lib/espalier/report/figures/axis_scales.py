"""The axes of panels: numbers, logarithmic where they span much, and names that keep apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product
from statistics import quantiles
from typing import TYPE_CHECKING, Literal

from espalier.report.figures.figure_style import SMALL, FigureStyle
from espalier.report.figures.figure_text import shorten, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis, Tick
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Which = Literal["x", "y"]
WHICH: tuple[Which, ...] = ("x", "y")
WIDE = 10.0
"""Numbers above 0 that span this factor or more are drawn on a logarithmic scale."""
ALIKE, STRIDE = 0.02, 1.4
"""Multiples that differ by a smaller part are alike; numbers nearer to each other are not apart."""
FEW = 8
"""So many different numbers have a tick each."""
NAME = 24
"""Characters of a name beside an axis."""
GAP = 0.4
"""The least distance of two labels of ticks, in heights of their text."""
FENCED = 8
"""Scores of which some may be far from the others."""
FENCE = 3.0
"""Scores so many quartile ranges worse than the worse quartile are beyond a scale."""
LEAST = 1e-4
LARGE = 1e6


def number_text(value: float) -> str:
    """Return a number as a tick has it: `12,000`, `1.5M`, `0.005`, `1e-5`."""
    size = abs(value)
    if size and (size < LEAST or size >= 1e12):
        mantissa, _, power = f"{value:.3g}".partition("e")
        return f"{mantissa}e{int(power or 0)}"
    if size >= 1e9:
        return f"{value / 1e9:.4g}G"
    return f"{value / LARGE:.4g}M" if size >= LARGE else f"{value:,.6g}"


def is_wide(values: Sequence[float]) -> bool:
    """Return whether numbers are drawn on a logarithmic scale: they span much, or are geometric."""
    if not values or min(values) <= 0:
        return False
    return max(values) >= WIDE * min(values) or _is_geometric(sorted(set(values)))


def _is_geometric(ordered: Sequence[float]) -> bool:
    """Return whether each number is the same multiple of the one before, as in 16, 32, 64."""
    ratios = [after / before for before, after in pairwise(ordered)]
    return len(ratios) > 1 and max(ratios) < (1 + ALIKE) * min(ratios) and min(ratios) > STRIDE


def scale_numbers(
    panel: Axes,
    which: Which,
    values: Sequence[float],
    ticks: bool = True,
    linear: bool = False,
) -> None:
    """Scale an axis by the numbers on it, with a tick at each number if they are few.

    `ticks` says whether the numbers are values that were chosen; measured ones have no ticks.
    A `linear` axis, as of percentages, is never logarithmic.
    """
    import matplotlib.ticker as mt

    axis = axis_of(panel, which)
    if wide := is_wide(values) and not linear:
        panel.set(**{f"{which}scale": "log"})
    axis.set_major_formatter(mt.FuncFormatter(_tick_text))
    axis.set_minor_formatter(mt.NullFormatter())
    distinct = sorted(set(values))
    if ticks and 0 < len(distinct) <= FEW:
        axis.set_major_locator(mt.FixedLocator(distinct))
        axis.set_minor_locator(mt.NullLocator())
    elif wide:
        narrow = max(values) < WIDE**2 * min(values)
        axis.set_major_locator(mt.LogLocator(subs=(1, 2, 5) if narrow else (1,)))


def _tick_text(value: float, _: object) -> str:
    return number_text(value)


def axis_of(panel: Axes, which: Which) -> Axis:
    """Return an axis of a panel."""
    return panel.xaxis if which == "x" else panel.yaxis


def thin_ticks(figure: Figure) -> bool:
    """Hide labels of numbers that would overlap the one before; returns whether any was.

    The ticks are fixed from then on, with whatever settings the figure is drawn.
    """
    import matplotlib.ticker as mt

    hidden = False
    fixed: set[int] = set()  # panels that share a scale share its ticks
    for panel, which in product(figure.axes, WHICH):
        axis = axis_of(panel, which)
        ticks = _shown_ticks(axis)
        if _has_numbers(axis) and ticks and id(axis.major) not in fixed:
            kept = _apart(ticks, which)
            axis.set_major_locator(mt.FixedLocator(kept))
            fixed.add(id(axis.major))
            hidden |= len(kept) < len(ticks)
    return hidden


def _has_numbers(axis: Axis) -> bool:
    """Return whether its labels are ours: names have such a formatter too, of matplotlib's."""
    import matplotlib.ticker as mt

    formatter = axis.get_major_formatter()
    return isinstance(formatter, mt.FuncFormatter) and formatter.func is _tick_text


def _shown_ticks(axis: Axis) -> list[Tick]:
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if tick.label1.get_visible()]
    return [tick for tick in ticks if low <= tick.get_loc() <= high]


def _apart(ticks: Sequence[Tick], which: Which) -> list[float]:
    """Return the places of ticks whose labels have room, from the last one on."""
    kept: list[float] = []
    edge = math.inf
    for tick in sorted(ticks, key=lambda each: -_ends(each.label1, which)[0]):
        first, last = _ends(tick.label1, which)
        if last + _gap(tick.label1) <= edge:
            kept.append(float(tick.get_loc()))
            edge = first
    return sorted(kept)


def _ends(label: Text, which: Which) -> tuple[float, float]:
    box = label.get_window_extent()
    return (box.x0, box.x1) if which == "x" else (box.y0, box.y1)


def _gap(label: Text) -> float:
    return GAP * label.get_window_extent().height


def name_ticks(
    panel: Axes, which: Which, names: Sequence[str], style: FigureStyle, columns: int = 1
) -> None:
    """Put names at 0, 1, 2 and so on; along the foot they are turned where they need the room.

    Of more names than there is room for, only every second, third and so on is written.
    `columns` is how many panels stand side by side.
    """
    size = SMALL * style.font
    labels = [shorten(name, NAME) for name in names]
    panel.set_xticks([]) if which == "x" else panel.set_yticks([])
    room = _length(panel, which, style, columns) / max(1, len(names))
    widest = max((text_width(label, size) for label in labels), default=0.0)
    turned = which == "x" and widest + GAP * size > room
    needs = 1.25 * size
    step = max(1, math.ceil(needs / room)) if turned or which == "y" else 1
    places = range(0, len(labels), step)
    shown = [labels[place] for place in places]
    axis_of(panel, which).set_ticks(list(places), shown)
    if turned:
        for label in panel.get_xticklabels():
            label.set(rotation=90 if room < 2 * size else 40)
            label.set(ha="center" if room < 2 * size else "right", rotation_mode="anchor")
            if room < 2 * size:
                label.set(rotation_mode="default", va="top")


def _length(panel: Axes, which: Which, style: FigureStyle, columns: int) -> float:
    """Return about how long an axis is, in points."""
    inches = 0.75 * style.width / columns if which == "x" else 0.9 * style.row_height
    return 72 * inches


def pad_limits(panel: Axes, which: Which, count: int) -> None:
    """Set the limits of an axis of `count` names, half a step beyond the first and the last."""
    panel.set(**{f"{which}lim": (-0.5, count - 0.5)})


def fenced_range(
    scores: Sequence[float], larger: bool
) -> tuple[float, float, Literal["neither", "min", "max"]]:
    """Return the ends of a scale of scores, and on which side there are scores beyond it.

    What is far worse than the others, as a run that diverged, is beyond, so that the others can be
    told apart. Source: Tukey 1977, "Exploratory Data Analysis": fences.
    """
    low, high = min(scores), max(scores)
    if len(scores) < FENCED or low == high:
        return low, high, "neither"
    first, _, third = quantiles(scores, n=4, method="inclusive")
    fence = FENCE * (third - first)
    if larger and first - fence > low:
        return first - fence, high, "min"
    if not larger and third + fence < high:
        return low, third + fence, "max"
    return low, high, "neither"
