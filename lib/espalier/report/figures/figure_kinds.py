"""The kinds of figures by name: what each shows, and the module that draws it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from espalier.core.errors import UserError
from espalier.kconfig.advice import spelling
from espalier.report.figures.drawn_figure import DrawnFigure, finish
from espalier.report.figures.figure_files import save
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import FigureStyle, drawing

Draw = Callable[[FigureInput, FigureStyle], DrawnFigure]


def lay_out(draw: Callable[[], DrawnFigure], style: FigureStyle, title: str = "") -> DrawnFigure:
    """Return what `draw` draws in a style, with its caption and title, laid out for good."""
    with drawing(style):
        return finish(draw(), style, title)


def write_figure(drawn: DrawnFigure, path: Path, style: FigureStyle, option: str) -> Path:
    """Write a figure whole or not at all; returns its path. Raises UserError with `option`."""
    with drawing(style):
        save(drawn.figure, path, option, drawn.caption)
    return path


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure: its name, what it shows in a line, its module in `kinds`."""

    name: str
    help: str
    module: str

    def draw(self, source: FigureInput, style: FigureStyle, title: str = "") -> DrawnFigure:
        """Return the figure of a sweep, laid out.

        Raises NothingToDrawError, with the reason, if the sweep has none; UserError for a wish
        that cannot be met.
        """
        module = importlib.import_module(f"espalier.report.figures.kinds.{self.module}")
        return lay_out(lambda: cast(Draw, module.draw)(source, style), style, title)


KINDS = {
    kind.name: kind
    for kind in (
        FigureKind(
            "accuracy-sparsity",
            "a measure against sparsity or any X, by method or any BY",
            "accuracy_sparsity",
        ),
        FigureKind("curves", "learning curves, by method or any BY", "curves"),
        FigureKind("size-front", "a measure against live parameters, and its front", "size_front"),
        FigureKind("heat-map", "means for each pair of values of X and Y", "heat_map"),
        FigureKind("forest", "paired differences to a baseline, controls or the best", "forest"),
        FigureKind("parallel", "every configuration through its values and measures", "parallel"),
        FigureKind(
            "effects", "what each swept symbol does, and how important it is", "effects_figure"
        ),
        FigureKind("race", "who left a race when, and the seeds it took", "race_figure"),
        FigureKind("ladder", "a measure along a swept number, and where it falls off", "ladder"),
        FigureKind("lineage", "which neurons descend from which, and their ages", "lineage_figure"),
        FigureKind(
            "mask-events", "what each change of a mask did, of the best runs", "mask_events_figure"
        ),
        FigureKind("seed-finder", "the smallest network that learns", "seed_finder_figure"),
    )
}
"""The kinds by name, in the order in which they are drawn."""


class KindError(UserError):
    """A name that is no kind's; `rule` is what must hold."""

    def __init__(self, name: str, rule: str) -> None:
        """Name it in the message."""
        super().__init__(f"KIND={name}: {rule}")
        self.name, self.rule = name, rule


def kind_of(name: str) -> FigureKind:
    """Return the kind called `name`. Raises KindError if there is none."""
    if name not in KINDS:
        near = spelling.nearest(name, KINDS)
        hint = f"did you mean {near}? it " if near else ""
        raise KindError(name, f"{hint}must be one of {', '.join(KINDS)}")
    return KINDS[name]


def kinds_of(text: str) -> list[FigureKind]:
    """Return the kinds of a text of KIND, by commas. Raises KindError for a name that is none."""
    return [kind_of(name) for name in dict.fromkeys(part.strip() for part in text.split(","))]


def draw_all(
    source: FigureInput, style: FigureStyle, kinds: Iterable[FigureKind], title: str = ""
) -> tuple[dict[str, DrawnFigure], dict[str, str]]:
    """Return the figures of some kinds by name, and why others of them cannot be drawn.

    Raises UserError for a wish that cannot be met.
    """
    drawn: dict[str, DrawnFigure] = {}
    missing: dict[str, str] = {}
    for kind in kinds:
        try:
            drawn[kind.name] = kind.draw(source, style, title)
        except NothingToDrawError as error:
            missing[kind.name] = str(error)
    return drawn, missing
