"""Mask events: how much each of them changed, and what the masks were like after it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from espalier.analysis.rank import swept_values
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.caption_parts import joined
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import FigureStyle, new_panels, series_look
from espalier.report.figures.numbers.series import telling_values
from espalier.report.masks.logged_masks import LoggedMasks, logged_masks, logs_masks
from espalier.report.tables.trial_tables import NO_FOLDERS, open_folders

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

RUNS = 6
"""Configurations of a figure, where TOP says nothing else."""
BAND = 0.15
"""The opacity of the band of layers' densities."""
ABSENT = (
    "no trial logged mask events; sweep a method that prunes, rewires or resamples, with "
    "CONFIG_MASK_LOG=y"
)


ROW = 0.7
"""The height of a row of panels, in heights of one by itself."""
LABELS = ("Share changed", "Jaccard with largest", "Density", "Share ever live")


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the events of a run of each of the best configurations that logged them.

    Raises NothingToDrawError if none did.
    """
    folders = open_folders(source.opened.folder) if logs_masks(source.header) else NO_FOLDERS
    logs = list(logged_masks(source.header, source.ranking, folders))
    if not logs:
        raise NothingToDrawError(ABSENT)
    shown = list(islice(logs, source.top(RUNS)))
    return _draw_logs(shown, len(logs) - len(shown), source, style)


def _draw_logs(
    logs: Sequence[LoggedMasks], left: int, source: FigureInput, style: FigureStyle
) -> DrawnFigure:
    columns = style.columns(2)
    rows = len(LABELS) // columns
    figure, grid = new_panels(style, rows, columns, [ROW * style.row_height] * rows, "x")
    panels = [panel for row in grid for panel in row]
    begun = any(log.later != log.events[:1] for log in logs)
    entries: dict[str, Artist] = {}
    for place, (name, log) in enumerate(zip(_names(logs, source), logs, strict=True)):
        for panel, points in zip(panels, _courses(log, begun), strict=True):
            entries[name] = _line(panel, points, place, stepped=panel is panels[-1])
        _band(panels[2], log, place)
    for panel, label in zip(panels, LABELS, strict=True):
        scale_numbers(panel, "x", [], ticks=False, linear=True)
        scale_numbers(panel, "y", [], ticks=False, linear=True)
        panel.set_ylabel(label)
    for panel in grid[-1]:
        panel.set_xlabel("Step")
    add_legend(figure, style, entries if len(entries) > 1 else {})
    return DrawnFigure(figure, _caption(logs, left))


def _courses(log: LoggedMasks, begun: bool) -> list[list[tuple[int, float]]]:
    """Return the points of each panel; `begun`: without what precedes the first update."""
    later = [event for event in log.later if event.step > 0 or not begun]
    return [
        [(event.step, event.churn) for event in later],
        [(event.step, event.jaccard_magnitude) for event in later],
        [(event.step, event.density) for event in log.events],
        log.explored,
    ]


def _names(logs: Sequence[LoggedMasks], source: FigureInput) -> list[str]:
    """Return what tells configurations apart, or else the trials' names."""
    values = [swept_values(log.trial.trial) for log in logs]
    return [source.names.series(telling_values(own, values)) for own in values]


def _line(panel: Axes, points: Sequence[tuple[int, float]], place: int, stepped: bool) -> Artist:
    """Draw a line; a `stepped` one has the value of a point since the point before it."""
    look = series_look(place)
    (drawn,) = panel.plot(
        [step for step, _ in points],
        [value for _, value in points],
        look.marker,
        color=look.colour,
        linestyle=look.line,
        drawstyle="steps-pre" if stepped else "default",
        markevery=max(1, len(points) // 8),
    )
    return drawn


def _band(panel: Axes, log: LoggedMasks, place: int) -> None:
    """Draw the densities between those of the sparsest layer and of the densest."""
    low, high = zip(*log.layer_densities(), strict=True)
    steps = [event.step for event in log.events]
    panel.fill_between(steps, low, high, color=series_look(place).colour, alpha=BAND, linewidth=0)


def _caption(logs: Sequence[LoggedMasks], left: int) -> str:
    events = sum(len(log.events) for log in logs)
    return joined(
        (
            f"Mask events of one run of each of {count_text(len(logs), 'configuration')}, "
            f"{count_text(events, 'event')} in all: the share of weights that changed (came or "
            "went), the Jaccard index with as many of each layer's largest magnitudes just before "
            "the event, the density, and the share of weights that were live in some update. "
            "Band: from the sparsest layer to the densest. The first two without what was done "
            "before the first update, unless there is nothing else.",
            f"{count_text(left, 'more configuration')} not drawn (TOP=)." * (left > 0),
        )
    )
