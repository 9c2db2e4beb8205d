"""A forest plot: paired differences with their intervals, a row each.

To the baseline where one is given, else to the controls of the sweep in the mean over
configurations, else to the best configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.confidence import Interval
from espalier.analysis.rank import Ranking
from espalier.core.measures import Measure, find
from espalier.report.difference_rows import DifferenceRow, best_rows, kind_rows, pair_rows
from espalier.report.figures.caption_parts import joined, rows_left_out
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import BLACK, BLUE, GREY, VERMILION, FigureStyle
from espalier.report.figures.figure_text import span_text
from espalier.report.figures.numbers.series import telling_symbols
from espalier.report.figures.row_panel import (
    ROWS,
    RowPanel,
    RowText,
    fitted_panel,
    value_head,
    value_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEST = "best"
"""The BASELINE that stands for the best configuration."""
MARK, UNEQUAL = "*", "\N{DAGGER}"
HOLM = "what Holm's correction over all rows leaves"
ROOM = 0.06
"""The space beside the farthest ends of intervals, as a share of the width."""


@dataclass(frozen=True)
class ForestRows:
    """The rows with a difference, the best first, and the words for what they are beside.

    `marked` says what the mark stands for; `shared` whether all stand beside the same.
    """

    rows: tuple[DifferenceRow, ...]
    against: str
    marked: str
    shared: bool


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure. Raises NothingToDrawError if no two configurations share a seed."""
    forest = choose_rows(source)
    by = source.ranking.measure
    rows = forest.rows[: source.top(ROWS)]
    head, *texts = _texts(source, forest, rows)
    made = fitted_panel(style, head, texts, _axis(source), source.wishes.top)
    band, rows = margin(source), rows[: len(made.places)]
    for place, row in zip(made.places, rows, strict=True):
        _mark(made.panel, place, row, by)
    _finish(made, band)
    return DrawnFigure(made.figure, _caption(source, forest, len(rows), band))


def choose_rows(source: FigureInput) -> ForestRows:
    """Return the differences that are drawn. Raises NothingToDrawError if there are none."""
    given = source.wishes.baseline
    if given == BEST:
        return _beside_best(source.ranking)
    if given and source.beside:
        return _beside_baseline(source.beside)
    return _beside_controls(source) or _beside_best(source.ranking)


def _beside_baseline(beside: AgainstBaseline) -> ForestRows:
    if not beside.compared:
        rule = f"no other configuration agrees with the baseline {beside.arm} in all else"
        raise NothingToDrawError(f"{rule}; BASELINE may name one, as config_012")
    rows = _with_difference(pair_rows(beside.compared), beside.by)
    return _not_empty(ForestRows(rows, f"the baseline {beside.label}", HOLM, True))


def _beside_controls(source: FigureInput) -> ForestRows | None:
    """Return the means over configurations for each kind of control; None without any."""
    rows = _with_difference(kind_rows(source.compared), source.ranking.measure)
    if not rows:
        return None
    shared = len({row.against for row in rows}) == 1
    which = source.names.series(dict(rows[0].against)) if shared else "as named"
    against = f"its control ({which}), in the mean over configurations"
    return ForestRows(rows, against, HOLM, shared)


def _beside_best(ranking: Ranking) -> ForestRows:
    rows = _with_difference(best_rows(ranking), ranking.measure)
    rate = "with one error rate for all rows"
    mark = f"behind, {'a remark alone, since a race gave out the seeds' if ranking.raced else rate}"
    best = ranking.ranked[0].first.name
    return _not_empty(ForestRows(rows, f"the best configuration, {best}", mark, True))


def _with_difference(rows: Sequence[DifferenceRow], by: Measure) -> tuple[DifferenceRow, ...]:
    """Return the rows that have a difference, the best first."""
    drawn = [(row.difference.mean, row) for row in rows if row.difference]
    return tuple(row for _, row in sorted(drawn, key=lambda each: -by.sign * each[0]))


def _not_empty(forest: ForestRows) -> ForestRows:
    if not forest.rows:
        rule = f"no other configuration has a seed in common with {forest.against}"
        raise NothingToDrawError(rule)
    return forest


def margin(source: FigureInput) -> float:
    """Return the difference that counts as none: of a race, or of claims that all have the same.

    0 if the sweep has none for what ranks.
    """
    by, race = source.ranking.measure, source.header.race
    if race is not None:
        return race.margin if find(race.by) == by else 0.0
    cases = [item.case for item in (source.judged.claims if source.judged else ()) if item.case]
    margins = {case.claim.margin for case in cases if case.claim.by == by}
    return margins.pop() if len(margins) == 1 else 0.0


def _texts(source: FigureInput, forest: ForestRows, rows: Sequence[DifferenceRow]) -> list[RowText]:
    """Return the texts of the head and of the rows."""
    symbols = _symbols(source, rows)
    heading = value_head(source.names, symbols) + " against" * (not forest.shared)
    head = RowText(heading, ("difference,", "n,", "verdict"))
    return [head, *(_text(source, forest, row, symbols) for row in rows)]


def _symbols(source: FigureInput, rows: Sequence[DifferenceRow]) -> list[str]:
    """Return the symbols whose values tell the rows apart, in plan order."""
    own = [dict(row.own) for row in rows]
    there = dict.fromkeys(name for each in own for name in each)
    names = telling_symbols(own) or list(there)
    planned = dict.fromkeys([*source.axes, *names])
    return [name for name in planned if name in names]


def _text(
    source: FigureInput, forest: ForestRows, row: DifferenceRow, symbols: Sequence[str]
) -> RowText:
    by, names = source.ranking.measure, source.names
    label = value_label(names, symbols, dict(row.own))
    if not forest.shared:
        label += f" against {' '.join(names.value(text) for _, text in row.against)}"
    said = row.said + f" {MARK}" * row.marked
    difference = row.difference
    if difference is None:
        return RowText(label, (said,))
    count = f"n = {difference.n}" + UNEQUAL * bool(row.unequal)
    return RowText(label, (_number(difference, by), count, said))


def _number(difference: Interval, by: Measure) -> str:
    text, half = by.number(difference.mean, "+"), difference.spread
    return f"{text} \N{PLUS-MINUS SIGN} {by.number(half)}" if half else text


def _mark(panel: Axes, place: float, row: DifferenceRow, by: Measure) -> None:
    """Draw a difference: filled and square where it is marked, else open and round."""
    difference = row.difference
    if difference is None:
        return
    better = difference.mean * by.sign > 0
    colour = (BLUE if better else VERMILION) if row.marked else BLACK
    panel.errorbar(
        difference.mean,
        place,
        xerr=difference.spread,
        fmt="s" if row.marked else "o",
        color=colour,
        markerfacecolor=colour if row.marked else "white",
        zorder=3,
    )


def _finish(made: RowPanel, band: float) -> None:
    panel = made.panel
    panel.axvline(0, color=GREY, zorder=1)
    if band:
        panel.axvspan(-band, band, color=GREY, alpha=0.25, linewidth=0, zorder=0)
    panel.margins(x=ROOM)
    panel.locator_params(axis="x", nbins=made.ticks)


def _axis(source: FigureInput) -> str:
    by = source.ranking.measure
    name = source.names.measure(replace(by, unit=by.difference_unit))
    return f"Difference: {name[:1].lower()}{name[1:]}"


def _caption(source: FigureInput, forest: ForestRows, count: int, band: float) -> str:
    """Return what the rows are, their intervals and marks, and what is left out."""
    by, rows = source.ranking.measure, forest.rows[:count]
    unit = by.difference_unit.strip()
    counts = span_text(row.difference.n for row in rows if row.difference)
    sentences = [
        f"Differences of the {by.label}{f' in {unit}' if unit else ''} "
        f"({'more' if by.larger else 'less'} is better): each row minus {forest.against}, "
        f"in pairs of equal seeds (n = {counts}), the best first.",
        "Bars: 95 % t-intervals." * any(row.difference.spread for row in rows if row.difference),
        f"{MARK}, filled squares: {forest.marked}.",
        f"Grey band: up to {by.number(band)}{by.difference_unit}, which counts as no difference."
        * bool(band),
        _unequal(rows),
        rows_left_out(len(forest.rows) - count),
    ]
    return joined(sentences)


def _unequal(rows: Sequence[DifferenceRow]) -> str:
    """Return in what marked rows are not alike with what they stand beside."""
    names = dict.fromkeys(name.replace("_", " ") for row in rows for name in row.unequal)
    return f"{UNEQUAL}: unequal {' and '.join(names)}." if names else ""
