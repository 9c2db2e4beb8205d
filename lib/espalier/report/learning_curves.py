"""Learning curves: the course of the ranking measure over the steps of each configuration.

Made on request only, as the other picture is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espalier.analysis.axis_means import varied_values
from espalier.analysis.rank import Configuration, Ranking, TrialResult, swept_values
from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.figures.figure_files import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (9.0, 5.0)  # inches


class CurvePoint(NamedTuple):
    """The mean over seeds after some steps, with the least and the most of any seed."""

    step: int
    mean: float
    low: float
    high: float


def curve(item: Configuration, by: Measure) -> list[CurvePoint]:
    """Return the course of a measure, at the steps that all counted trials recorded.

    That of a mean over tasks has a point for the end of each.
    """
    courses = [_course(trial, by) for trial in item.counted]
    steps = set.intersection(*map(set, courses)) if courses else set()
    return [_point(step, [course[step] for course in courses]) for step in sorted(steps)]


def _course(item: TrialResult, by: Measure) -> dict[int, float]:
    history = item.result.history
    measured = [(epoch, float(epoch[by.curve])) for epoch in history if _has(epoch, by.curve)]
    ends = {epoch.get("task"): (epoch, value) for epoch, value in measured}  # the last of each
    shown = ends.values() if by.over_tasks else measured
    return {epoch.get("step") or 0: value for epoch, value in shown}


def _has(epoch: Record, name: str) -> bool:
    return epoch.get(name) is not None


def _point(step: int, values: list[float]) -> CurvePoint:
    return CurvePoint(step, sum(values) / len(values), min(values), max(values))


def write_curves(ranking: Ranking, path: Path, top: int) -> None:
    """Draw the first `top` configurations: a line a mean over seeds, a band from least to most.

    Raises UserError if the ranking measure has no course, no history holds it, or `path` cannot
    be written.
    """
    by, varied = ranking.measure, varied_values(ranking)
    if not by.curve:
        rule = "is measured once, at the end; rank by what validation shows, as --by val_acc"
        raise UserError(f"--curves {path}: {by.label} {rule}")
    curves = {_label(item, varied): curve(item, by) for item in ranking.ranked[:top]}
    if not any(curves.values()):
        raise UserError(f"--curves {path}: no ranked trial has a history of {by.curve}")
    save(plot_curves(curves, by), path, "--curves")


def plot_curves(curves: Mapping[str, list[CurvePoint]], by: Measure) -> Figure:
    """Return one panel with all curves by their labels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for label, points in curves.items():
        steps = [point.step for point in points]
        (line,) = axes.plot(steps, [point.mean for point in points], label=label)
        ends = [point.low for point in points], [point.high for point in points]
        axes.fill_between(steps, *ends, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="step", ylabel=course_measure(by).axis)
    axes.legend(fontsize="small", title="mean over seeds, band from least to most")
    return figure


def course_measure(by: Measure) -> Measure:
    """Return what a curve shows: for a mean over tasks, the measure at the end of each."""
    if not by.over_tasks:
        return by
    course = measures.find(by.curve)
    return replace(course, label=f"{course.label} at the end of each task")


def _label(item: Configuration, varied: Mapping[str, list[str]]) -> str:
    values = [f"{name}={text}" for name, text in swept_values(item.first).items() if name in varied]
    return " ".join([item.first.name, *values])
