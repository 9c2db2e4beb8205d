"""The axes of parallel coordinates: where each configuration lies on each, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from espalier.analysis.axis_means import varied_values
from espalier.analysis.rank import Ranking
from espalier.core.measures import LIVE_PARAMETERS, NAMED, Measure
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.axis_scales import FEW, WIDE, is_wide, number_text
from espalier.report.figures.figure_text import shorten
from espalier.report.html.columns import is_number

BESIDE = ("total_time", LIVE_PARAMETERS.name, "final_sparsity")
"""Measures that have an axis wherever they vary, whatever ranks."""
LARGEST = 16
"""Axes of a figure at most."""
ABSENT = -0.14
"""Where what has no such value or measure lies."""
VALUE = 18
"""Characters of a value at most."""
STEPS = 5
"""Ticks of a measured axis, about."""


@dataclass(frozen=True)
class ParallelAxis:
    """An axis: its name, the place of each configuration, and ticks as a place and a text.

    Places are from 0 to 1, None where a configuration has no such value. `log` says whether they
    are by the logarithm.
    """

    label: str
    places: tuple[float | None, ...]
    ticks: tuple[tuple[float, str], ...]
    log: bool = False


def parallel_axes(
    ranking: Ranking, symbols: Sequence[str], names: AxisNames
) -> tuple[list[ParallelAxis], int]:
    """Return the axes of `symbols` and measures, what ranks last, and how many are left out.

    Places are in the order of the ranking.
    """
    measured = _measures(ranking)
    shown = symbols[: LARGEST - len(measured)]
    axes = [_symbol_axis(ranking, name, names) for name in shown]
    return [*axes, *measured_axes(ranking, measured, names)], len(symbols) - len(shown)


def _measures(ranking: Ranking) -> list[Measure]:
    """Return the measures that vary, those that rank last, the first of them at the very end."""
    others = [NAMED[name] for name in BESIDE]
    ordered = [by for by in others if by not in ranking.measures] + [*ranking.measures[::-1]]
    return [by for by in ordered if len(set(_means(ranking, by)) - {None}) > 1]


def measured_axes(
    ranking: Ranking, measures: Sequence[Measure], names: AxisNames
) -> list[ParallelAxis]:
    """Return the axes of measures, each the mean over seeds."""
    return [number_axis(names.measure(by), _means(ranking, by), False) for by in measures]


def _means(ranking: Ranking, by: Measure) -> list[float | None]:
    means = (item.measure(by.name) for item in ranking.ranked)
    return [mean.mean if mean else None for mean in means]


def _symbol_axis(ranking: Ranking, name: str, names: AxisNames) -> ParallelAxis:
    texts = [item.swept.get(name) for item in ranking.ranked]
    label = names.symbol(name)
    if all(text is None or is_number(text) for text in texts):
        return number_axis(label, [None if text is None else float(text) for text in texts])
    return _name_axis(label, texts, varied_values(ranking.ranked)[name], names)


def _name_axis(
    label: str, texts: Sequence[str | None], levels: Sequence[str], names: AxisNames
) -> ParallelAxis:
    """Return an axis of names, evenly spread in the order of `levels`."""
    last = max(1, len(levels) - 1)
    places = {text: place / last for place, text in enumerate(levels)}
    ticks = tuple((place, shorten(names.value(text), VALUE)) for text, place in places.items())
    return ParallelAxis(label, tuple(None if t is None else places[t] for t in texts), ticks)


def number_axis(label: str, values: Sequence[float | None], chosen: bool = True) -> ParallelAxis:
    """Return an axis of numbers, by the logarithm where they span much.

    Numbers that were `chosen` have a tick each if they are few, measured ones have round ticks.
    """
    there = [value for value in values if value is not None]
    log = is_wide(there)
    low, high = min(there), max(there)

    def place(value: float) -> float:
        ends = (low, value, high)
        first, own, last = map(math.log, ends) if log else ends
        return (own - first) / (last - first) if last > first else 0.5

    texts = [(place(value), number_text(value)) for value in _ticks(there, log, chosen)]
    places = tuple(None if value is None else place(value) for value in values)
    return ParallelAxis(label, places, tuple(texts), log)


def _ticks(values: Sequence[float], log: bool, chosen: bool) -> list[float]:
    """Return the values themselves if they are few, else round numbers between their ends."""
    import matplotlib.ticker as mt

    distinct = sorted(set(values))
    if chosen and len(distinct) <= FEW:
        return distinct
    low, high = distinct[0], distinct[-1]
    steps = (1, 2, 5) if high < WIDE**2 * low else (1,)
    locator = mt.LogLocator(subs=steps) if log else mt.MaxNLocator(STEPS)
    return [float(value) for value in locator.tick_values(low, high) if low <= value <= high]


def apart(
    ticks: Sequence[tuple[float, str]], extents: Sequence[tuple[float, float]]
) -> list[tuple[float, str]]:
    """Return the ticks whose texts, from and to these places on the axis, do not overlap."""
    kept: list[tuple[float, str]] = []
    edge = -math.inf
    for (first, last), tick in sorted(zip(extents, ticks, strict=True)):
        if first >= edge:
            kept.append(tick)
            edge = last
    return kept
