"""A heat map: the mean of what ranks for each pair of values of two swept symbols.

The colours go from dark to light for the colour-blind too, light being better. A mean over other
settings than most cells have is hatched and has a star.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

from espalier.analysis.charts.cell_means import CellMeans, MeanCell, cell_means
from espalier.analysis.rank import Ranking
from espalier.core.measures import Measure
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_scales import name_ticks, pad_limits
from espalier.report.figures.caption_parts import joined
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import FigureStyle, new_panels
from espalier.report.figures.figure_text import fit, seeds_text, span_text, text_width
from espalier.report.figures.numbers.figure_axis import FigureAxis, in_sentence, symbol_axis
from espalier.report.figures.numbers.trade_offs import TARGET
from espalier.report.figures.panel_labels import fit_up, label_edges
from espalier.store.results_dir import METHOD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.patches import Patch

COLOURS = "cividis"
"""Colours whose lightness alone tells them apart. Source: Nunez, Anderton and Renslow 2018."""
EMPTY = "#e8e8e8"
"""The colour of a cell without a configuration."""
VALUES = 40
"""Values of an axis at most."""
SMALLEST, LARGEST = 4.5, 0.9
"""Points of the smallest numbers in cells, and the size of the largest in that of a style."""
LINES = 2.0
"""The least height of a row, in sizes of the style's text."""
BRIGHT = 0.5
"""The share of the scale from which on numbers are black."""
NAMES = 0.26
"""The share of the width of a figure that names of rows have at most."""
BESIDE = 8
"""What else is beside the cells, in sizes of the style's text."""
PANEL, HEIGHT = 0.75, 0.85
"""About the shares of a figure that a panel has across, and of its row that cells have."""
NOT_BALANCED = "Hatched, with a star: a mean over other settings than most cells have."
WHY_LEFT = "without one of the two, without all seeds, or short of the target sparsity"


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the means over the symbols X and Y, or of the two that vary most.

    Raises NothingToDrawError if no two symbols vary together, UserError for one that does not.
    """
    heat = _heat_map(source)
    rows = [fit(source.names.value(text), style.font, _names_room(style)) for text in heat.rows]
    columns = [source.names.value(text) for text in heat.columns]
    inner = _inner(style, rows)
    height = max(style.row_height, LINES * style.font / 72 * len(rows))
    figure, ((panel,),) = new_panels(style, heights=[height])
    mesh = _paint(panel, heat)
    figure.colorbar(mesh, ax=panel, label=fit_up(source.names.measure(heat.by), style))
    numbered = _number(panel, mesh, heat, inner, height)
    name_ticks(panel, "x", columns, inner)
    name_ticks(panel, "y", rows, style)
    pad_limits(panel, "x", len(columns))
    pad_limits(panel, "y", len(rows))
    label_edges([panel], inner, heat.x.label(source.names), heat.y.label(source.names))
    if heat.y.levels:
        panel.invert_yaxis()
    return DrawnFigure(figure, _caption(heat, source, numbered))


def _names_room(style: FigureStyle) -> float:
    """Return the points that names of rows have."""
    return 72 * NAMES * style.width


def _inner(style: FigureStyle, rows: Sequence[str]) -> FigureStyle:
    """Return a style as wide as a figure whose panel is like the cells, without what is beside."""
    names = max(text_width(row, style.font) for row in rows)
    cells = style.width - (names + BESIDE * style.font) / 72
    return replace(style, width=cells / PANEL)


@dataclass(frozen=True)
class _HeatMap:
    """The cells of two symbols; of numbers the values are in order, of names as planned."""

    x: FigureAxis
    y: FigureAxis
    by: Measure
    means: CellMeans

    @cached_property
    def columns(self) -> list[str]:
        return _ordered(self.x, [first for first, _ in self.means.cells])

    @cached_property
    def rows(self) -> list[str]:
        return _ordered(self.y, [second for _, second in self.means.cells])

    @property
    def placed(self) -> list[tuple[int, int, MeanCell]]:
        """The column and the row of each cell, and the cell."""
        return [
            (self.columns.index(first), self.rows.index(second), cell)
            for (first, second), cell in self.means.cells.items()
        ]

    @property
    def ends(self) -> tuple[float, float]:
        values = [cell.mean for cell in self.means.cells.values()]
        return min(values), max(values)


def _ordered(axis: FigureAxis, texts: Sequence[str]) -> list[str]:
    """Return the values of an axis, each once."""
    if axis.levels:
        return [text for text in axis.levels if text in texts]
    return sorted(dict.fromkeys(texts), key=float)


def _heat_map(source: FigureInput) -> _HeatMap:
    x, y = (symbol_axis(source, name) for name in _symbols(source))
    heat = _HeatMap(x, y, source.ranking.measure, cell_means(source.ranking, x.name, y.name))
    if len(heat.columns) < 2 or len(heat.rows) < 2:
        rule = f"no configurations have several values of both {x.name} and {y.name}"
        raise NothingToDrawError(f"{rule}; X= and Y= name other symbols")
    if max(len(heat.columns), len(heat.rows)) > VALUES:
        rule = f"{x.name} or {y.name} has more than {VALUES} values"
        raise NothingToDrawError(f"{rule}; X= and Y= name other symbols")
    return heat


def _symbols(source: FigureInput) -> tuple[str, str]:
    """Return the symbols of columns and of rows: X and Y, those of BY, or the fullest pair."""
    given = dict.fromkeys([*_wishes(source), *source.by_symbols])
    names = [*given][:2]
    if len(names) == 2:
        return names[0], names[1]
    pairs = [pair for pair in combinations(source.axes, 2) if set(names) <= set(pair)]
    filled = {pair: _cells(source.ranking, pair) for pair in pairs}
    if not any(filled.values()):
        raise NothingToDrawError("no two symbols vary together; a heat map is of two")
    best = max(pairs, key=lambda pair: (set(pair) == {TARGET, METHOD}, filled[pair]))
    columns = max(best, key=lambda name: (name in names, *_as_column(source, name)))
    return columns, next(name for name in best if name != columns)


def _wishes(source: FigureInput) -> list[str]:
    """Return X and Y. Raises NothingToDrawError for one that is no symbol that varies."""
    wishes = {"X": source.wishes.x, "Y": source.wishes.y}
    for option, name in wishes.items():
        if name and (rule := source.why_not_varied(name)):
            raise NothingToDrawError(f"{option}={name}: {rule}")
    return [name for name in wishes.values() if name]


def _cells(ranking: Ranking, pair: tuple[str, str]) -> int:
    """Return how many pairs of values there are; 0 if one of the symbols has a single value."""
    configs = [item.first.config for item in ranking.ranked]
    places = {tuple(map(config.get, pair)) for config in configs if {*pair} <= config.keys()}
    return len(places) * all(len({place[n] for place in places}) > 1 for n in (0, 1))


def _as_column(source: FigureInput, name: str) -> tuple[bool, int]:
    """Return what makes a symbol that of the columns: numbers, and many values."""
    return not symbol_axis(source, name).levels, len(source.axes[name])


def _paint(panel: Axes, heat: _HeatMap) -> QuadMesh:
    """Paint the cells; those that are not balanced are hatched."""
    grid = [[float("nan")] * len(heat.columns) for _ in heat.rows]
    for column, row, cell in heat.placed:
        grid[row][column] = cell.mean
    edges = _edges(heat.columns), _edges(heat.rows)
    colours = COLOURS if heat.by.larger else f"{COLOURS}_r"
    mesh = panel.pcolormesh(*edges, grid, cmap=colours, edgecolors="white", linewidth=0.5)
    panel.set_facecolor(EMPTY)
    for column, row, cell in heat.placed:
        if not cell.balanced:
            area = {"fill": False, "hatch": "///", "edgecolor": "white", "linewidth": 0}
            panel.add_patch(_rectangle(column, row, **area))
    return mesh


def _edges(texts: Sequence[str]) -> list[float]:
    return [place - 0.5 for place in range(len(texts) + 1)]


def _rectangle(column: int, row: int, **look: Any) -> Patch:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, **look)


def _number(panel: Axes, mesh: QuadMesh, heat: _HeatMap, inner: FigureStyle, height: float) -> bool:
    """Write the mean of each cell, where there is room; returns whether there is."""
    texts = [(c, r, cell, _text(cell, heat.by)) for c, r, cell in heat.placed]
    across = 72 * PANEL * inner.width / len(heat.columns)
    up = 72 * HEIGHT * height / len(heat.rows)
    widest = text_width(max((text for *_, text in texts), key=len), 1.0)
    size = min(LARGEST * inner.font, 0.9 * across / widest, 0.8 * up)
    if size < SMALLEST:
        return False
    low, high = heat.ends
    for column, row, cell, text in texts:
        share = (cell.mean - low) / ((high - low) or 1.0)
        bright = (share if heat.by.larger else 1 - share) > BRIGHT
        colour = "black" if bright else "white"
        drawn = panel.text(column, row, text, ha="center", va="center", fontsize=size)
        drawn.set_color(colour)
        if not cell.balanced:
            drawn.set_bbox({"facecolor": mesh.cmap(share), "linewidth": 0, "pad": 1})
    return True


def _text(cell: MeanCell, by: Measure) -> str:
    return by.number(cell.mean) + "*" * (not cell.balanced)


def _caption(heat: _HeatMap, source: FigureInput, numbered: bool) -> str:
    names, cells = source.names, list(heat.means.cells.values())
    by = in_sentence(heat.by.name, heat.by, names)
    over = ", ".join(in_sentence(name, None, names) for name in heat.means.over)
    own = ", ".join(in_sentence(name, None, names) for name in heat.means.own)
    items = [len(cell.items) for cell in cells]
    counts = span_text(items)
    left = heat.means.left
    return joined(
        [
            f"Mean {by} by {heat.x.words(names)} and {heat.y.words(names)}:",
            f"{counts} configurations a cell," if max(items) > 1 else "a configuration a cell,",
            f"{seeds_text(len(i.counted) for cell in cells for i in cell.items)}.",
            f"Means are over {over}." * bool(over),
            f"Not all have {own}." * bool(own),
            _widths(cells, heat.by),
            NOT_BALANCED * any(not cell.balanced for cell in cells),
            "Grey: no configuration." * (len(cells) < len(heat.rows) * len(heat.columns)),
            f"Left out: {count_text(left, 'configuration')} {WHY_LEFT}." * (left > 0),
            "Too many cells for numbers." * (not numbered),
        ]
    )


def _widths(cells: Sequence[MeanCell], by: Measure) -> str:
    """Return the half widths of the intervals over seeds; empty without any."""
    halves = [cell.over_seeds.half_width for cell in cells if cell.over_seeds]
    own = sorted(half for half in halves if half is not None)
    if not own:
        return ""
    ends = dict.fromkeys((by.number(own[0]), by.number(own[-1])))
    return f"Half widths of 95 % t-intervals over seeds: {' to '.join(ends)}{by.difference_unit}."
