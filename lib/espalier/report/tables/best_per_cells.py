"""The best of each value of a symbol, at each value of a second one, as cells of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from espalier.analysis.comparing.best_per import BestPer, BestThere, best_per
from espalier.analysis.comparing.sole_best import SoleBest, sole_best_value
from espalier.analysis.confidence import ALPHA
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure
from espalier.report.tables.ranking_cells import (
    MEANS,
    CellTable,
    TableCell,
    left_out_lines,
    measure_cell,
    note_marks,
    note_of,
    words_of,
)


def best_per_cells(ranking: Ranking, text: str) -> CellTable:
    """Return a row for each value of the first symbol of `text`, a column for each of the second.

    A cell is of the best configuration there. In a column the best value is bold only if all
    configurations with another value are behind it (see `sole_best_value`). Raises UserError.
    """
    table = best_per(ranking, text)
    soles = [sole_best_value(group, table.symbol, ranking) for group in table.groups]
    items = [item for group in table.groups for item in group.best.values()]
    notes = note_marks(items, ranking)
    rows = [
        (
            TableCell(value or _with_value(table.symbol, value)),
            *_cells(value, table, soles, ranking, notes),
        )
        for value in dict.fromkeys(value for group in table.groups for value in group.best)
    ]
    marks = {mark: note for note, mark in notes.items()}
    caption = _caption(table, soles, ranking)
    return CellTable(tuple(_heading(table, ranking.measure)), tuple(rows), 1, caption, marks)


def _heading(table: BestPer, by: Measure) -> Iterator[str]:
    yield from words_of([table.symbol])
    for group in table.groups:
        yield _column(table, group) or by.axis


def _column(table: BestPer, group: BestThere) -> str:
    """Return the second symbol with its value; empty without a second symbol."""
    return _with_value(table.at, group.level) if table.at else ""


def _with_value(symbol: str, text: str) -> str:
    """Return a symbol in words with its value; `no rate` for what does not have it."""
    (name,) = words_of([symbol])
    return f"{name} {text}" if text else f"no {name}"


def _cells(
    value: str,
    table: BestPer,
    soles: list[SoleBest],
    ranking: Ranking,
    notes: Mapping[str, str],
) -> Iterator[TableCell]:
    for group, sole in zip(table.groups, soles, strict=True):
        item = group.best.get(value)
        cell = TableCell("") if item is None else _scored(item, ranking, notes)
        yield replace(cell, bold=item is not None and item is sole.best)


def _scored(item: Configuration, ranking: Ranking, notes: Mapping[str, str]) -> TableCell:
    mark = notes.get(note_of(item, ranking), "")
    return replace(measure_cell(item, ranking.measure), n=len(item.scores), mark=mark)


def _caption(table: BestPer, soles: list[SoleBest], ranking: Ranking) -> tuple[str, ...]:
    symbol, *at = words_of([table.symbol, *[table.at] * bool(table.at)])
    each = "".join(f" at each {name}" for name in at)
    measure = ranking.measure.axis
    lines = [
        f"{measure[:1].upper()}{measure[1:]} of the best configuration of each {symbol}{each}, "
        "picked by this measure",
        MEANS,
        *_bold_lines(table, soles, symbol),
        *left_out_lines(ranking),
    ]
    return tuple(lines)


def _bold_lines(table: BestPer, soles: list[SoleBest], symbol: str) -> Iterator[str]:
    """Yield what is meant by bold, and for each column of several rows without it the reason."""
    if any(sole.best for sole in soles):
        rate = f"{ALPHA * 100:g}% for each column"
        yield f"Bold: all that have another {symbol} are behind it, at an error rate of {rate}"
    for group, sole in zip(table.groups, soles, strict=True):
        if sole.best is None and len(group.best) > 1:
            place = _column(table, group)
            yield f"No score is bold{' at ' * bool(place)}{place}: {sole.why}"
