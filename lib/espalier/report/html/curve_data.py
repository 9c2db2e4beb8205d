"""Learning curves as columns of small integers: a mean over seeds, its least and its most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from espalier.analysis.charts.learning_curve import (
    UNITS,
    CurvePoint,
    course_axis,
    course_measure,
    curve,
)
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import NAMED, Measure
from espalier.core.trial import Record
from espalier.report.html.columns import measure_record

NUMBERS = 150_000
"""Numbers that all curves of a measure may have; a larger sweep has fewer points a curve."""
LONGEST, SHORTEST = 120, 10
"""Points of a curve."""
FINE, COARSE = 10_000, 1_000
"""Steps between the least and the most value: of few curves, and of very many."""
PLASTICITY = ("dormant_share", "dead_share", "effective_rank", "weight_norm", "gradient_norm")
"""What is measured at the ends of tasks."""
BESIDE = ("val_loss", "sparsity", *PLASTICITY)
"""What else of an epoch is shown, if a sweep is small."""
SMALL = 500
"""Configurations of a small sweep."""


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` as integers from 0 to `steps`."""

    low: float
    high: float
    steps: int

    def places(self, values: Iterable[float]) -> Any:
        """Return the integers nearest to values, as an array."""
        import numpy as np  # its import would take a tenth of a second

        above = np.fromiter(values, dtype=np.float64) - self.low
        span = self.high - self.low
        return np.rint(above / span * self.steps if span else 0 * above).astype(np.int64)


def curves_data(ranking: Ranking, every: Sequence[Configuration]) -> list[Record]:
    """Return the curves of what ranks, where it has a course, and of what is beside it."""
    shown, along = [by for by in _courses(ranking, len(every)) if by.curve], course_axis(every)
    return [record for by in shown if (record := _curves(by, every, along)) is not None]


def _courses(ranking: Ranking, count: int) -> list[Measure]:
    own = ranking.measure if ranking.measure.curve else NAMED["val_acc"]
    others = [_beside(name) for name in BESIDE if name != own.curve]
    return [own, *others] if count <= SMALL else [own]


def _beside(name: str) -> Measure:
    usual, label = NAMED.get(name), name.replace("_", " ")
    return usual or Measure(name, label, label, "", 4, True, curve=name)


def _curves(by: Measure, every: Sequence[Configuration], along: str) -> Record | None:
    """Return the curves of one measure; None if there is none, or all of it is the same."""
    curves = [curve(item, by, along) for item in every]
    values = [end for each in curves for point in each for end in (point.low, point.high)]
    if not values or min(values) == max(values):
        return None
    points = max(SHORTEST, min(LONGEST, NUMBERS // (3 * len(every))))
    thinned = [thin(each, points) for each in curves]
    scale = Scale(min(values), max(values), FINE if len(every) <= SMALL else COARSE)
    axis = {"along": along, "axis": UNITS[along]}
    return {**measure_record(course_measure(by)), **axis, **vars(scale), **_columns(thinned, scale)}


def thin(points: Sequence[CurvePoint], limit: int) -> list[CurvePoint]:
    """Return at most so many of the points, evenly spread, the last one among them."""
    if len(points) <= limit:
        return list(points)
    return [points[(n + 1) * len(points) // limit - 1] for n in range(limit)]


def _columns(curves: Sequence[Sequence[CurvePoint]], scale: Scale) -> Record:
    """Return each curve as the place of its steps in `grids`, and as differences of its means."""
    grids = [tuple(point.step for point in each) for each in curves]
    places = {grid: place for place, grid in enumerate(dict.fromkeys(grids))}
    points = [point for each in curves for point in each]
    mean, low, high = (scale.places(column) for column in list(zip(*points, strict=True))[1:])
    return {
        "grids": list(places),
        "grid": [places[grid] for grid in grids],
        "mean": _steps(mean, list(map(len, grids))),
        "below": _distances(mean - low),
        "above": _distances(high - mean),
    }


def _distances(column: Any) -> list[int]:
    """Return the distances of one end from the means; empty if no point has any."""
    return list(column.tolist()) if column.any() else []


def _steps(levels: Any, lengths: Sequence[int]) -> list[int]:
    """Return the differences along each curve, the first of them from 0."""
    import numpy as np

    steps = np.diff(levels, prepend=0)
    firsts = np.cumsum([0, *(length for length in lengths if length)][:-1])
    steps[firsts] = levels[firsts]
    return list(steps.tolist())
