"""The size front: a measure against live parameters, and the configurations that none beats.

Where more of the measure is better a second panel has it for each 1,000 live parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from espalier.analysis import pareto
from espalier.analysis.pareto import PER, Front, Point
from espalier.core.measures import Measure
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.caption_parts import (
    MISSED,
    joined,
    of_race,
    unequal_steps,
)
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import BLACK, FigureStyle, panel_grid
from espalier.report.figures.figure_text import capital
from espalier.report.figures.numbers.figure_axis import FigureAxis, in_sentence, measure_named
from espalier.report.figures.numbers.seed_bands import SeedBands
from espalier.report.figures.numbers.series import (
    SeriesKey,
    SeriesOrder,
    series_title,
    telling_values,
    usual_symbols,
)
from espalier.report.figures.panel_labels import fit_up, label_edges, title_panel
from espalier.report.figures.series_marks import MarkedPoint, paint_series, set_apart

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SLIDE = "talk"
RING = 2.4
"""The size of a ring, in sizes of a marker."""
MARGIN = 0.08
"""The room around all marks, so that rings are whole."""
FRONTS = 3
"""Fronts of a figure at most; each is of other validation samples."""


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return what ranks against live parameters, or against the second measure of RANK_BY, or X.

    Raises NothingToDrawError if sizes are all the same, or if the test data would choose.
    """
    picture = _Picture(source, style, size_fronts(source))
    count = len(picture.fronts) + picture.is_efficient
    figure, panels = panel_grid(style, count, "x")
    entries: dict[str, Artist] = {}
    label_edges(panels, style, picture.axis.label(source.names), "")
    for panel, front in zip(panels, picture.fronts, strict=False):
        entries |= picture.scores(panel, front)
        title_panel(panel, picture.telling(front), source.names, style, count)
    if picture.is_efficient:
        picture.efficiency(panels[-1])
    add_legend(figure, style, entries, series_title(picture.order.symbols, source.names))
    return DrawnFigure(figure, picture.caption)


def size_fronts(source: FigureInput) -> list[Front]:
    """Return the fronts, each of configurations that were validated on the same samples.

    Raises as `draw` does.
    """
    ranking = source.ranking
    over = _measures(source)
    if any(by.tested for by in over):
        rule = "a front chooses, and a measure of the test data may not"
        raise NothingToDrawError(f"{rule}; rank by what validation shows, as RANK_BY=val_acc")
    every = pareto.by_samples(ranking, over) if len(over) > 1 else []
    if not every:
        raise NothingToDrawError(f"no ranked trial has the measure {over[-1].name}")
    fronts = [front for front in every if len({point.size for point in front.sized}) > 1]
    if not fronts:
        rule = f"all configurations have the same {over[-1].label}"
        raise NothingToDrawError(f"{rule}; X= names a measure that differs")
    return fronts


def _measures(source: FigureInput) -> tuple[Measure, ...]:
    """Return the measure up and the measure across."""
    if source.wishes.x:
        across = measure_named(source, source.wishes.x, "X")
        return tuple(dict.fromkeys((source.ranking.measure, across)))
    first, *others = pareto.measures_over(source.ranking)
    return (first, *others[:1])


@dataclass(frozen=True)
class _Picture:
    """The fronts of a figure, and how they are drawn."""

    source: FigureInput
    style: FigureStyle
    every: Sequence[Front]

    @property
    def fronts(self) -> Sequence[Front]:
        return self.every[:FRONTS]

    @property
    def by(self) -> Measure:
        return self.every[0].over[0]

    @property
    def across(self) -> Measure:
        return self.every[0].over[1]

    @property
    def axis(self) -> FigureAxis:
        return FigureAxis(self.across.name, self.across)

    @property
    def is_efficient(self) -> bool:
        """Whether a panel has the measure for each 1,000 live parameters; a slide has no room."""
        single = len(self.every) == 1 and self.style.name != SLIDE
        return single and self.every[0].points[0].efficiency is not None

    @cached_property
    def points(self) -> list[Point]:
        return [point for front in self.fronts for point in front.sized]

    @cached_property
    def bands(self) -> SeedBands:
        return SeedBands(self.by, [len(point.item.counted) for point in self.points])

    @cached_property
    def order(self) -> SeriesOrder:
        """The series: those of BY, else of model, optimizer and method where they vary."""
        symbols = self.source.by_symbols or usual_symbols(self.source)
        return SeriesOrder.of(self.source.every, symbols)

    def scores(self, panel: Axes, front: Front) -> dict[str, Artist]:
        """Draw a front with all configurations; return what the legend names."""
        entries: dict[str, Artist] = {}
        groups = self.order.split(point.item for point in front.sized)
        points = {id(point.item): point for point in front.sized}
        for key, items in groups.items():
            drawn = self._group(panel, key, [points[id(item)] for item in items])
            if self.order.symbols:
                entries[key.name(self.source.names)] = drawn
        entries["front"] = self._front(panel, front)
        values = [score for point in front.sized for _, score in _seeds(point)]
        self._scale(panel, values, self.source.names.measure(self.by))
        return entries

    def _group(self, panel: Axes, key: SeriesKey, points: Sequence[Point]) -> Artist:
        """Draw the means of a series, a bar for each, and every seed."""
        marks = [
            MarkedPoint(
                point.size,
                point.score,
                _seeds(point),
                self.bands.ends([*point.item.scores.values()]),
                bool(point.item.short),
            )
            for point in points
        ]
        drawn = paint_series(panel, key.look, marks, False, self.style)
        self._set_apart(panel, drawn, key)
        return drawn[0]

    def _set_apart(self, panel: Axes, drawn: Sequence[Artist], key: SeriesKey) -> None:
        set_apart(panel, drawn, self.places.index(key.place), len(self.places), self.style)

    @cached_property
    def places(self) -> list[int]:
        """The places of all series that are drawn."""
        groups = self.order.split(point.item for point in self.points)
        return [key.place for key in groups]

    def _front(self, panel: Axes, front: Front) -> Artist:
        """Draw a staircase: up to the next point nothing is better."""
        places = [point.size for point in front.points]
        means = [point.score for point in front.points]
        size = RING * self.style.marker
        (ringed,) = panel.plot(
            places,
            means,
            "o",
            color=BLACK,
            drawstyle="steps-post",
            linestyle="-",
            linewidth=0.7 * self.style.line,
            markersize=size,
            markerfacecolor="none",
        )
        return ringed

    def efficiency(self, panel: Axes) -> None:
        """Draw the measure for each 1,000 live parameters."""
        values: list[float] = []
        points = {id(point.item): point for point in self.points}
        for key, items in self.order.split(point.item for point in self.points).items():
            own = [points[id(item)] for item in items]
            pairs = [(point.size, point.efficiency or 0.0) for point in own]
            values += [value for _, value in pairs]
            look = key.look
            spots = zip(*pairs, strict=True)
            drawn = panel.plot(*spots, look.marker, color=look.colour, linestyle="none")
            self._set_apart(panel, drawn, key)
        words = self.source.names.labels.get(self.by.name) or capital(self.by.short)
        self._scale(panel, values, f"{words} for each {PER:,} parameters")

    def _scale(self, panel: Axes, values: Sequence[float], label: str) -> None:
        sizes = [point.size for point in self.points]
        scale_numbers(panel, "x", sizes, ticks=False, linear=self.axis.is_linear)
        linear = FigureAxis(self.by.name, self.by).is_linear
        scale_numbers(panel, "y", values, ticks=False, linear=linear)
        panel.set_ylabel(fit_up(label, self.style))
        panel.margins(MARGIN)

    def telling(self, front: Front) -> dict[str, str]:
        """Return which samples a front is of, where there are several fronts."""
        return telling_values(front.samples, [other.samples for other in self.every])

    @property
    def caption(self) -> str:
        """The sentences that say what is drawn."""
        names, items = self.source.names, [point.item for point in self.points]
        by, across = (in_sentence(each.name, each, names) for each in (self.by, self.across))
        lost = sum(len(front.incomplete) for front in self.fronts)
        left = len(self.every) - len(self.fronts)
        return joined(
            [
                f"{capital(by)} against {across}.",
                f"Strong marks: configurations; faint marks: seeds; {self.bands.words('bars')}.",
                "Ringed, on the line: the front, those that no other beats in both.",
                self._frugal(),
                MISSED * any(item.short for item in items),
                f"{count_text(lost, 'configuration')} without all seeds left out." * (lost > 0),
                f"{count_text(left, 'more front')} not drawn." * (left > 0),
                unequal_steps(items),
                of_race(self.source.ranking),
            ]
        )

    def _frugal(self) -> str:
        """Return the first of a front that is as good as the best but for its error."""
        front = self.every[0]
        frugal = front.frugal
        if len(self.every) > 1 or frugal is None or frugal is front.points[-1]:
            return ""
        size = self.across.with_unit(frugal.size)
        label = in_sentence(self.across.name, self.across, self.source.names)
        return f"Within one standard error of the best from {size} {label} on."


def _seeds(point: Point) -> list[tuple[float, float]]:
    """Return size and score of every seed."""
    up, across = (each.name for each in point.over[:2])
    pairs = [(trial.measure(across), trial.measure(up)) for trial in point.item.counted]
    return [(size, score) for size, score in pairs if size is not None and score is not None]
