"""The ranking measure against live parameters, with the front and every seed.

Made on request only, as the other pictures are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.analysis import pareto
from espalier.analysis.pareto import PER, SIZE, Front, Point
from espalier.analysis.rank import Ranking
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.report.figures.figure_files import save
from espalier.store.results_dir import NAMING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = (7.0, 5.0)  # inches
WIDE = 10.0
"""Sizes that differ by more than this factor are drawn on a logarithmic scale."""
NAMED = 12
"""A front of at most so many points has their names beside them."""


def write_parameters(ranking: Ranking, path: Path) -> None:
    """Draw the measure against live parameters, and beside it the measure for each 1,000 of them.

    Every seed is a faint dot; each configuration a mean with its standard deviation over seeds;
    the line is the front. There is no second panel for a measure of which less is better.
    Raises UserError if no ranked trial told its parameters, or `path` cannot be written.
    """
    fronts = pareto.by_samples(ranking, pareto.with_size(ranking))
    if not fronts:
        rule = f"no ranked trial has the measure {SIZE}, so there is nothing to draw"
        raise UserError(f"--parameters {path}: {rule}")
    save(plot_parameters(fronts), path, "--parameters")


def plot_parameters(fronts: Sequence[Front]) -> Figure:
    """Return the picture; a colour for each model, optimizer and method that the sweep varies."""
    from matplotlib.figure import Figure

    by = fronts[0].by
    count = 1 + by.larger
    figure = Figure(figsize=(PANEL[0] * count, PANEL[1]), layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, count, squeeze=False).flat)
    groups = grouped(fronts)
    _scores(panels[0], groups, by)
    for front in fronts:
        _front(panels[0], front)
    for panel in panels[1:]:
        _efficiency(panel, groups, by)
    for panel in panels:
        _finish(panel, groups)
    return figure


def grouped(fronts: Sequence[Front]) -> dict[str, list[Point]]:
    """Return configurations by what is told of them in colour: those of their parts that vary."""
    every = [point for front in fronts for point in front.sized]
    varied = [name for name in NAMING if len({_part(point, name) for point in every}) > 1]
    groups: dict[str, list[Point]] = {}
    for point in every:
        label = " ".join(filter(None, (_part(point, name) for name in varied)))
        groups.setdefault(label, []).append(point)
    return groups


def _part(point: Point, name: str) -> str:
    return point.item.first.config.get(name, "")


def _scores(panel: Axes, groups: Mapping[str, list[Point]], by: Measure) -> None:
    for place, (label, group) in enumerate(groups.items()):
        colour = f"C{place}"
        dots = _dots(group, by)
        sizes, scores = [size for size, _ in dots], [score for _, score in dots]
        panel.plot(sizes, scores, "o", color=colour, alpha=0.25, markersize=3)
        means = [point.score for point in group]
        spreads = [point.deviation or 0.0 for point in group]
        places = [point.size for point in group]
        panel.errorbar(places, means, spreads, fmt="o", color=colour, capsize=2, label=label)
    panel.set_ylabel(f"{by.axis}, mean and deviation over seeds")


def _dots(group: Sequence[Point], by: Measure) -> list[tuple[float, float]]:
    """Return size and score of every seed."""
    trials = [trial for point in group for trial in point.item.counted]
    pairs = [(trial.measure(SIZE), trial.measure(by.name)) for trial in trials]
    return [(size, score) for size, score in pairs if size is not None and score is not None]


def _front(panel: Axes, front: Front) -> None:
    """Plot a staircase: up to the next point's size nothing is better."""
    points = front.points
    sizes, scores = [point.size for point in points], [point.score for point in points]
    panel.plot(sizes, scores, color="black", linewidth=1, drawstyle="steps-post")
    for point in points * (len(points) <= NAMED):
        place = (point.size, point.score)
        name = point.item.first.name
        panel.annotate(name, place, (4, -10), textcoords="offset points", fontsize="x-small")


def _efficiency(panel: Axes, groups: Mapping[str, list[Point]], by: Measure) -> None:
    for place, group in enumerate(groups.values()):
        pairs = [(point.size, point.efficiency) for point in group if point.efficiency is not None]
        sizes, values = [size for size, _ in pairs], [value for _, value in pairs]
        panel.plot(sizes, values, "o", color=f"C{place}")
    every = [point.efficiency for group in groups.values() for point in group if point.efficiency]
    panel.set_yscale(_scale(every))
    panel.set_ylabel(f"{by.axis} for each {PER:,} live parameters")


def _finish(panel: Axes, groups: Mapping[str, list[Point]]) -> None:
    sizes = [point.size for group in groups.values() for point in group]
    panel.set_xscale(_scale(sizes))
    panel.set_xlabel("live parameters")
    if panel.get_legend_handles_labels()[1] and any(groups):
        panel.legend(fontsize="small")


def _scale(values: Sequence[float]) -> str:
    return "log" if values and max(values) > WIDE * min(values) > 0 else "linear"
