"""A lineage: the lives and the descent of the neurons of a trial, and the ages of the living."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.core.trial import REPETITION, Trial
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import (
    BLACK,
    BLUE,
    LIGHT,
    SCALE,
    FigureStyle,
    new_panels,
)
from espalier.report.figures.figure_text import shorten
from espalier.report.figures.lineage_lives import (
    NeuronLife,
    ages_between_events,
    births,
    descents,
    generations,
    lives,
)
from espalier.report.lineage_tables import LineageTable, lineage_tables

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

LAYERS = 6
"""Layers of a figure at most."""
NAME = 32
"""Characters of a layer's name."""
SPARSE, MANY = 0.6, 40
"""How much of the height of a slot a life takes, unless there are so many slots."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the lineage of the best trial that has one; `sweep-lineage` draws all of them.

    Raises NothingToDrawError if no trial of the sweep left a table.
    """
    try:
        tables = list(lineage_tables(source.opened.folder, ()))
    except UserError as error:
        raise NothingToDrawError(str(error)) from None
    ranked = [trial.trial.number for item in source.opened.ranking.ranked for trial in item.counted]
    places = {number: place for place, number in enumerate(ranked)}
    best = min(tables, key=lambda table: places.get(table.trial.number, len(places)))
    return draw_table(best, source, style)


def draw_table(table: LineageTable, source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the lineage in the table of a trial of a sweep. Raises UserError if it is none."""
    lineage = Lineage.read(table.path)
    last = max([table.steps, *(event.step for event in lineage.events)])
    figure = draw_lineage(lineage, last, style)
    name = _trial_name(table.trial, source)
    return DrawnFigure(figure.figure, f"{figure.caption} {name}.")


def _trial_name(trial: Trial, source: FigureInput) -> str:
    values = {name: text for name, text in trial.swept.items() if name in source.axes}
    seeds = {name: trial.config[name] for name in REPETITION if name in trial.swept}
    return f"One run, {trial.name}: {source.names.series({**values, **seeds})}"


def draw_lineage(lineage: Lineage, last: int, style: FigureStyle) -> DrawnFigure:
    """Return the lives and the ages of each layer's neurons up to step `last`."""
    layers = lineage.layers[:LAYERS]
    columns = style.columns(2)
    heights = [style.row_height * 0.75] * (2 * len(layers) // columns)
    figure, grid = new_panels(style, len(heights), columns, heights, "x")
    panels = [panel for row in grid for panel in row]
    depths = generations(lineage)
    entries: dict[str, Artist] = {}
    lines: dict[str, Artist] = {}
    for place, layer in enumerate(layers):
        left, right = panels[2 * place : 2 * place + 2]
        own = lives(lineage, layer, last)
        lines |= _draw_lives(left, own, depths, heights[0])
        entries |= _draw_descent(left, lineage, layer, last)
        entries |= _draw_ages(right, lineage, layer, last)
        left.set(title=layer_title(layer, lineage.layers), ylabel="Slot of the layer")
        right.set(title=layer_title(layer, lineage.layers), ylabel="Age (steps)")
    for panel in grid[-1]:
        panel.set_xlabel("Step")
    add_legend(figure, style, {**entries, **lines})
    return DrawnFigure(figure, _caption(lineage, layers, last))


def layer_title(layer: str, layers: Sequence[str]) -> str:
    """Return a layer in words: by its name, or where that is a mere number by its place too."""
    if any(each.isalpha() for each in layer):
        return f"Layer {shorten(layer, NAME)}"
    return f"Layer {layers.index(layer) + 1} of {len(layers)} (module {shorten(layer, NAME)})"


def _draw_lives(
    panel: Axes, every: Sequence[NeuronLife], depths: Mapping[int, int], inches: float
) -> dict[str, Artist]:
    """Draw a line a life, coloured by its generation; return what the legend names."""
    slots = 1 + max((life.slot for life in every), default=0)
    width = 72 * 0.8 * inches / slots * (SPARSE if slots < MANY else 1)
    deepest = max(depths.values(), default=0)
    by_depth: dict[int, list[NeuronLife]] = {}
    for life in every:
        by_depth.setdefault(depths.get(life.id, 0), []).append(life)
    return {
        _generation(depth): panel.hlines(
            [life.slot for life in own],
            [life.start for life in own],
            [life.end for life in own],
            colors=_colour(depth, deepest),
            linewidth=min(3.0, width),
        )
        for depth, own in sorted(by_depth.items())
    }


def _generation(depth: int) -> str:
    return f"generation {depth}" if depth else "founder"


def _colour(depth: int, deepest: int) -> str:
    """Return grey for founders, else a colour that is darker for an earlier generation."""
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    share = (depth - 1) / max(1, deepest - 1)
    return to_hex(mpl.colormaps[SCALE](0.15 + 0.7 * share)) if depth else LIGHT


def _draw_descent(panel: Axes, lineage: Lineage, layer: str, last: int) -> dict[str, Artist]:
    """Draw a dot a birth, and a line from the slot of each parent to that of the child."""
    born = births(lineage, layer)
    if not born:
        return {}
    entries: dict[str, Artist] = {}
    (entries["birth"],) = panel.plot(
        [each.step for each in born], [each.slot for each in born], "o", color=BLACK, markersize=1.5
    )
    if ties := descents(lineage, layer, last):
        steps, parents, children = zip(*ties, strict=True)
        entries["from parent to child"] = panel.vlines(
            steps, parents, children, linewidth=0.4, colors=BLACK, alpha=0.4
        )
    return entries


def _draw_ages(panel: Axes, lineage: Lineage, layer: str, last: int) -> dict[str, Artist]:
    """Draw the youngest, the mean and the oldest of the living, just before events and after."""
    points = list(ages_between_events(lineage, layer, last))
    steps = [step for step, _ in points]
    low, high = [min(ages) for _, ages in points], [max(ages) for _, ages in points]
    band = panel.fill_between(steps, low, high, color=BLUE, alpha=0.25, linewidth=0)
    (line,) = panel.plot(steps, [sum(ages) / len(ages) for _, ages in points], color=BLUE)
    return {"mean age": line, "youngest to oldest": band}


def _caption(lineage: Lineage, layers: Sequence[str], last: int) -> str:
    deaths = sum(event.op == "death" for event in lineage.events)
    born = len(lineage.events) - deaths
    hidden = len(lineage.layers) - len(layers)
    return (
        f"Neurons over {last:,} steps: {count_text(born, 'birth')}, {count_text(deaths, 'death')}"
        ". With slots: a line is a life from birth to death in a row of the layer, its colour the "
        "generation (one more than that of the parents; founders were there at the start). With "
        "ages: those of the living, mean and range."
        + f" {count_text(hidden, 'more layer')} not drawn."
        * bool(hidden)
    )
