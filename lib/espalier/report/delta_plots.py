"""What each choice makes of the ranking measure, as a picture: a line a kind of difference.

Made on request only, as the other pictures are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.analysis.control_deltas import Delta, deltas
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import Ranking
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.report.figures.figure_files import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, LINE, MARGIN = 9.0, 0.6, 1.2  # inches


def write_deltas(ranking: Ranking, plain: Mapping[str, str | Sequence[str]], path: Path) -> None:
    """Draw the mean of each kind of difference to a control, with its 95 % t-interval over seeds.

    `plain` has the controls by symbol, as `comparisons` takes them. Raises UserError if no
    configuration has a control that shares a seed with it, or `path` cannot be written.
    """
    differences = [item for item in deltas(comparisons(ranking, plain)) if item.difference]
    if not differences:
        rule = "no configuration has a control with the same seeds, so there is nothing to draw"
        raise UserError(f"--deltas {path}: {rule}")
    save(plot_deltas(differences, ranking.measure), path, "--deltas")


def plot_deltas(differences: Sequence[Delta], by: Measure) -> Figure:
    """Return one panel, the first kind on top; a difference without an interval is a dot alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, MARGIN + LINE * len(differences)), layout="constrained")
    panel = figure.subplots()
    for place, item in enumerate(differences):
        if item.difference:
            reach = item.difference.half_width or 0.0
            panel.errorbar(item.difference.mean, place, xerr=reach, fmt="o", color="C0", capsize=3)
    panel.axvline(0, color="black", linewidth=1)
    panel.set_yticks(range(len(differences)), [_label(item) for item in differences])
    panel.invert_yaxis()
    direction = "more" if by.larger else "less"
    axis = replace(by, unit=by.difference_unit).axis
    panel.set_xlabel(f"difference of the {axis}, {direction} is better")
    return figure


def _label(item: Delta) -> str:
    own = [(item.symbol, item.own), *item.also]
    return "\n".join([*(f"{name}={text}" for name, text in own), f"against {item.value}"])
