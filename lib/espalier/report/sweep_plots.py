"""One picture of a sweep: the ranking measure against each swept symbol.

Made on request only, so that no sweep's end waits for matplotlib or depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.analysis.axis_means import axis_means, varied_values
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core.errors import UserError
from espalier.report.axis_effects import remarks
from espalier.report.figures.figure_files import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
SIZE = 4.0  # inches a panel


def write_plot(ranking: Ranking, path: Path) -> None:
    """Write a panel a symbol: a dot a configuration (mean over seeds), a bar the mean of a value.

    Bars, and the line through them, are over configurations that can be compared; the title of
    a panel says where these are not all.

    Raises UserError if nothing varies, `path` cannot be written or its ending is no picture's.
    """
    axes = varied_values(ranking)
    if not axes:
        raise UserError(f"--plot {path}: no swept symbol varies between ranked configurations")
    save(plot_sweep(ranking, axes), path, "--plot")


def plot_sweep(ranking: Ranking, axes: Mapping[str, list[str]]) -> Figure:
    """Return the picture, with a panel for each of `axes`."""
    from matplotlib.figure import Figure

    columns, rows = min(COLUMNS, len(axes)), math.ceil(len(axes) / COLUMNS)
    figure = Figure(figsize=(SIZE * columns, SIZE * rows), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel, (name, values) in zip(grid, axes.items(), strict=False):
        _panel(panel, name, values, ranking)
    for panel in grid[len(axes) :]:
        panel.set_axis_off()
    return figure


def _panel(panel: Axes, name: str, values: list[str], ranking: Ranking) -> None:
    for place, text in enumerate(values):
        scores = _scores(ranking.ranked, name, text)
        panel.plot([place] * len(scores), scores, "o", color="C0", alpha=0.5)
    comparable = axis_means(ranking, name)
    bars = {values.index(text): mean for text, mean in comparable.means.items()}
    for place, mean in bars.items():
        panel.plot([place - 0.3, place + 0.3], [mean] * 2, color="C1")
    panel.plot([*bars], [*bars.values()], color="C1", linewidth=1)
    panel.set_title("\n".join(remarks(comparable, values)), fontsize="small")
    panel.set_xticks(range(len(values)), values)
    panel.set_xlabel(f"CONFIG_{name}")
    panel.set_ylabel(ranking.measure.axis)


def _scores(ranked: tuple[Configuration, ...], name: str, text: str) -> list[float]:
    chosen = [item.score for item in ranked if swept_values(item.first).get(name) == text]
    return [score.mean for score in chosen if score]
