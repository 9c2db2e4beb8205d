"""Mask events: how much each of them changed, and what the masks were like after it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from espalier.analysis.rank import swept_values
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.caption_parts import joined
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import FigureStyle, panel_grid, series_look
from espalier.report.figures.numbers.series import telling_values
from espalier.report.masks.logged_masks import LoggedMasks, logged_masks, logs_masks
from espalier.report.tables.trial_tables import NO_FOLDERS, open_folders
from espalier.train.masks.mask_table import MaskEvent

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


class _Panel(NamedTuple):
    """What a panel shows: its label and the value of an event; `later`: after the first update."""

    label: str
    field: str
    later: bool = False


PANELS = (
    _Panel("Share changed", "churn", later=True),
    _Panel("Jaccard with largest", "jaccard_magnitude", later=True),
    _Panel("Density", "density"),
    _Panel("Share ever live", "explored"),
)


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
    figure, panels = panel_grid(style, len(PANELS), "x")
    names = _names(logs, source)
    entries: dict[str, Artist] = {}
    for place, (name, log) in enumerate(zip(names, logs, strict=True)):
        for panel, shows in zip(panels, PANELS, strict=True):
            entries[name] = _line(panel, log, shows, place)
        _band(panels[2], log, place)
    columns = style.columns(len(PANELS))
    for place, (panel, shows) in enumerate(zip(panels, PANELS, strict=True)):
        scale_numbers(panel, "x", [], ticks=False, linear=True)
        scale_numbers(panel, "y", [], ticks=False, linear=True)
        panel.set_ylabel(shows.label)
        if place + columns >= len(PANELS):
            panel.set_xlabel("Step")
            panel.tick_params(labelbottom=True)
    add_legend(figure, style, entries if len(entries) > 1 else {})
    return DrawnFigure(figure, _caption(logs, left))


def _names(logs: Sequence[LoggedMasks], source: FigureInput) -> list[str]:
    """Return what tells configurations apart, or else the trials' names."""
    values = [swept_values(log.trial.trial) for log in logs]
    return [source.names.series(telling_values(own, values)) for own in values]


def _line(panel: Axes, log: LoggedMasks, shows: _Panel, place: int) -> Artist:
    look, events = series_look(place), log.later if shows.later else log.events
    (drawn,) = panel.plot(
        [event.step for event in events],
        [_value(event, shows.field) for event in events],
        look.marker,
        color=look.colour,
        linestyle=look.line,
        markevery=max(1, len(events) // 8),
    )
    return drawn


def _value(event: MaskEvent, field: str) -> float:
    return float(getattr(event, field) or 0.0)


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
            "before the first update, where there are later events.",
            f"{count_text(left, 'more configuration')} not drawn (TOP=)." * (left > 0),
        )
    )
