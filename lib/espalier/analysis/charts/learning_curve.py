"""Learning curves: the course of a measure over the steps or epochs of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from espalier.analysis.rank import Configuration, TrialResult
from espalier.core import measures
from espalier.core.measures import Measure

OPENING = 0.2
"""The share of the points of a curve whose worst may be left out as its opening."""
STEP, EPOCH = "step", "epoch"
"""What a course goes along."""
UNITS = {STEP: "step (updates)", EPOCH: "epoch"}
"""What an axis is called that goes along it."""
CROWDED = 2.0
"""An opening is left out where it makes the range of values larger by this factor."""


class CurvePoint(NamedTuple):
    """The mean over seeds at a step or an epoch, with the least and the most of any seed."""

    step: float
    mean: float
    low: float
    high: float


class ValueRange(NamedTuple):
    """The values that a chart of curves shows; `cut` says that openings lie outside."""

    low: float
    high: float
    cut: bool


def course_axis(items: Iterable[Configuration]) -> str:
    """Return what curves go along: steps, or epochs if a history does not say its steps.

    A program of the user's may count epochs alone.
    """
    histories = [trial.result.history for item in items for trial in item.counted]
    return STEP if all(history[0].get(STEP) for history in histories if history) else EPOCH


def curve(item: Configuration, by: Measure, along: str) -> list[CurvePoint]:
    """Return the course of a measure, at the steps or epochs that all counted trials recorded.

    `along` is what `course_axis` says. That of a mean over tasks has a point for the end of each.
    """
    courses = [_course(trial, by, along) for trial in item.counted]
    if len(courses) == 1:
        return [CurvePoint(step, value, value, value) for step, value in sorted(courses[0].items())]
    steps = set.intersection(*map(set, courses)) if courses else set()
    return [_point(step, [course[step] for course in courses]) for step in sorted(steps)]


def course_measure(by: Measure) -> Measure:
    """Return what a curve shows: for a mean over tasks, the measure at the end of each."""
    if not by.over_tasks:
        return by
    course = measures.find(by.curve)
    return replace(course, label=f"{course.label} at the end of each task")


def value_range(curves: Iterable[Sequence[CurvePoint]], larger: bool) -> ValueRange:
    """Return the range of all bands, without openings that would take most of the room.

    The opening of a curve ends where its mean first is better than a share `OPENING` of all its
    means. What comes later counts, however bad, so that a dip stays visible. `larger` says whether
    more is better. Raises ValueError if no curve has a point.
    """
    drawn = [points for points in curves if points]
    low, high = _ends(drawn)
    late_low, late_high = _ends([_after_opening(points, larger) for points in drawn])
    shown = (late_low, high) if larger else (low, late_high)
    if high - low < CROWDED * (shown[1] - shown[0]) or shown[0] == shown[1]:
        return ValueRange(low, high, False)
    return ValueRange(*shown, True)


def without_opening(points: Sequence[CurvePoint], low: float, high: float) -> list[CurvePoint]:
    """Return a curve from where its mean comes to stay from `low` to `high`, its band within these.

    It begins on the edge, on a straight line from the point before.
    """
    outside = [n for n, point in enumerate(points) if not low <= point.mean <= high]
    start = outside[-1] + 1 if outside else 0
    kept = list(points[start:])
    if 0 < start < len(points):
        kept.insert(0, _entry(points[start - 1], points[start], low, high))
    return [point._replace(low=max(point.low, low), high=min(point.high, high)) for point in kept]


def _entry(before: CurvePoint, after: CurvePoint, low: float, high: float) -> CurvePoint:
    """Return where the line between two points comes inside."""
    edge = low if before.mean < low else high
    share = (edge - before.mean) / (after.mean - before.mean)
    return CurvePoint(*(a + share * (b - a) for a, b in zip(before, after, strict=True)))


def _course(item: TrialResult, by: Measure, along: str) -> dict[int, float]:
    measured = [epoch for epoch in item.result.history if epoch.get(by.curve) is not None]
    if by.over_tasks:
        measured = list({epoch.get("task"): epoch for epoch in measured}.values())  # the last
    return {epoch.get(along) or 0: float(epoch[by.curve]) for epoch in measured}


def _point(step: int, values: list[float]) -> CurvePoint:
    return CurvePoint(step, sum(values) / len(values), min(values), max(values))


def _after_opening(points: Sequence[CurvePoint], larger: bool) -> Sequence[CurvePoint]:
    """Return the points from the first whose mean is good enough on."""
    ordered = sorted((point.mean for point in points), reverse=not larger)
    bar = ordered[int(OPENING * len(ordered))]
    reached = (n for n, point in enumerate(points) if _is_as_good(point.mean, bar, larger))
    return points[next(reached) :]


def _is_as_good(mean: float, bar: float, larger: bool) -> bool:
    return mean >= bar if larger else mean <= bar


def _ends(curves: Iterable[Sequence[CurvePoint]]) -> tuple[float, float]:
    points = [point for each in curves for point in each]
    return min(point.low for point in points), max(point.high for point in points)
