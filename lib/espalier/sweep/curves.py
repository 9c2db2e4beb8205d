"""Learning curves: the course of the ranking measure over the steps of each configuration.

Made on request only, as the other picture is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espalier.errors import UserError
from espalier.sweep import measures
from espalier.sweep.plots import axes_of, save
from espalier.sweep.rank import Configuration, Outcome, Ranking
from espalier.sweep.rows import parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (9.0, 5.0)  # inches


class Point(NamedTuple):
    """The mean over seeds after some steps, with the least and the most of any seed."""

    step: int
    mean: float
    low: float
    high: float


def curve(item: Configuration, name: str) -> list[Point]:
    """The course of a measure of epochs, at the steps that all counted trials recorded."""
    courses = [_course(trial, name) for trial in item.counted]
    steps = set.intersection(*map(set, courses)) if courses else set()
    return [_point(step, [course[step] for course in courses]) for step in sorted(steps)]


def _course(item: Outcome, name: str) -> dict[int, float]:
    records = (r for r in item.result.history if r.get(name) is not None and "step" in r)
    return {int(record["step"]): float(record[name]) for record in records}


def _point(step: int, values: list[float]) -> Point:
    return Point(step, sum(values) / len(values), min(values), max(values))


def write_curves(ranking: Ranking, path: Path, top: int) -> None:
    """Draw the first `top` configurations: a line a mean over seeds, a band from least to most.

    Raises UserError if the ranking measure has no course, no history holds it, or `path` cannot
    be written.
    """
    name = ranking.measure.curve
    if not name:
        rule = "is measured once, at the end; rank by what validation shows, as --by val_acc"
        raise UserError(f"--curves {path}: {ranking.measure.label} {rule}")
    varied = axes_of(ranking)
    found = {_label(item, varied): curve(item, name) for item in ranking.ranked[:top]}
    if not any(found.values()):
        raise UserError(f"--curves {path}: no ranked trial has a history of {name}")
    save(drawn(found, name), path, "--curves")


def drawn(curves: Mapping[str, list[Point]], name: str) -> Figure:
    """One panel with all curves by their labels; `name` is a measure that can rank."""
    from matplotlib.figure import Figure

    by = measures.find(name)
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for label, points in curves.items():
        steps = [point.step for point in points]
        (line,) = axes.plot(steps, [point.mean for point in points], label=label)
        ends = [point.low for point in points], [point.high for point in points]
        axes.fill_between(steps, *ends, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="step", ylabel=f"{by.label} ({by.unit.strip()})")
    axes.legend(fontsize="small", title="mean over seeds, band from least to most")
    return figure


def _label(item: Configuration, varied: Mapping[str, list[str]]) -> str:
    values = [f"{name}={text}" for name, text in parameters(item.first).items() if name in varied]
    return " ".join([item.first.name, *values])
