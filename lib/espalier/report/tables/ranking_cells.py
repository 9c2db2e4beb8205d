"""The ranking of a sweep as cells of a table, in no format yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from espalier.analysis.axis_means import varied_values
from espalier.analysis.comparing.sole_best import sole_best
from espalier.analysis.confidence import ALPHA, LEVEL
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure
from espalier.report.failure_rows import name_configurations
from espalier.report.ranking_rows import flaws, shown_measures

SPARSITY = "final_sparsity"
MEANS = (
    f"Means over n seeds with half of their {LEVEL * 100:g}% t-interval, "
    "which is left out where there is no spread"
)


@dataclass(frozen=True)
class TableCell:
    """A text, or a number with half of its interval, if there is one to show.

    `mark` refers to a footnote; `n` are the values behind it, where they are not those of the row.
    """

    text: str
    half_width: str = ""
    n: int | None = None
    mark: str = ""
    bold: bool = False


@dataclass(frozen=True)
class CellTable:
    """A heading, rows of as many cells, how many columns from the left are text, and a caption.

    `notes` are the texts of the marks; the caption's sentences say what the numbers are.
    """

    heading: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    texts: int
    caption: tuple[str, ...]
    notes: dict[str, str]


def ranking_cells(ranking: Ranking, top: int | None = None) -> CellTable:
    """Return the `top` configurations of a ranking, best first, or all of them.

    Columns are the symbols that vary, n, what ranks and the accuracies, and the sparsity. The best
    score is bold only if all other configurations are behind it (see `sole_best`).
    """
    items = ranking.ranked[:top]
    axes, measures = list(varied_values(ranking.ranked)), _measured(ranking)
    notes, best = note_marks(items, ranking), sole_best(ranking).best
    with_sparsity = _is_sparse(ranking)
    rows = []
    for item in items:
        cells = [*_texts(item, axes), TableCell(str(len(item.scores)))]
        mark = notes.get(note_of(item, ranking), "")
        cells += _scores(item, measures, ranking, TableCell("", mark=mark, bold=item is best))
        rows.append((*cells, *[_sparsity(item)] * with_sparsity))
    sparsity = ["sparsity (%)"] * with_sparsity
    heading = [
        *(words_of(axes) or ["configuration"]),
        "n",
        *(by.axis for by in measures),
        *sparsity,
    ]
    marks = {mark: text for text, mark in notes.items()}
    return CellTable(
        tuple(heading), tuple(rows), len(axes) or 1, tuple(_caption(ranking, items)), marks
    )


def _measured(ranking: Ranking) -> list[Measure]:
    """Return the measures of the columns: those that some configuration has."""
    every = shown_measures(ranking)
    return [by for by in every if any(item.measure(by.name) for item in ranking.ranked)]


def words_of(symbols: Sequence[str]) -> list[str]:
    """Return the names of symbols in words."""
    return [symbol.lower().replace("_", " ") for symbol in symbols]


def _texts(item: Configuration, axes: Sequence[str]) -> list[TableCell]:
    """Return what tells a configuration from others; its name where nothing varies."""
    if not axes:
        return [TableCell(item.first.name)]
    return [TableCell(item.first.swept.get(symbol, "")) for symbol in axes]


def _scores(
    item: Configuration, measures: Sequence[Measure], ranking: Ranking, said: TableCell
) -> Iterator[TableCell]:
    """Yield the measures; that which ranks has the mark and the bold of `said`."""
    for by in measures:
        cell = measure_cell(item, by)
        ranks = by.name == ranking.measure.name
        yield replace(cell, mark=said.mark, bold=said.bold) if ranks else cell


def _sparsity(item: Configuration) -> TableCell:
    value = item.measure(SPARSITY)
    return TableCell(f"{value.mean * 100:.1f}" if value else "")


def measure_cell(item: Configuration, by: Measure) -> TableCell:
    """Return the mean of a measure, with its interval where there is one."""
    value = item.measure(by.name)
    if value is None:
        return TableCell("")
    width = by.number(value.spread) if value.spread else ""
    return TableCell(by.number(value.mean), width, value.n if value.n != len(item.scores) else None)


def _is_sparse(ranking: Ranking) -> bool:
    means = [item.measure(SPARSITY) for item in ranking.ranked]
    return any(each and each.mean for each in means)


def note_of(item: Configuration, ranking: Ranking) -> str:
    """Return what a reader must know of a score, beside the verdict."""
    remarks = flaws(item, ranking.measure)
    if ranking.best and item.samples != ranking.best.samples:
        remarks.append("other validation samples than the first row")
    return "; ".join(remarks)


def note_marks(items: Sequence[Configuration], ranking: Ranking) -> dict[str, str]:
    """Return the mark of each different note: a to z, then aa, ab and so on."""
    texts = dict.fromkeys(text for item in items if (text := note_of(item, ranking)))
    return {text: _letters(place) for place, text in enumerate(texts)}


def _letters(place: int) -> str:
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("a") + last)


def _caption(ranking: Ranking, items: Sequence[Configuration]) -> list[str]:
    """Return sentences on what the numbers are, and on what the table does not show."""
    lines = [
        f"Best first by {ranking.measure.label}",
        MEANS,
        _bold_line(ranking),
    ]
    if len(items) < len(ranking.ranked):
        lines.append(f"The first {len(items)} of {len(ranking.ranked)} configurations")
    if ranking.measure.tested:
        lines.append("Ranked on the test data: what is chosen by it looks better than it is")
    return [*lines, *left_out_lines(ranking)]


def _bold_line(ranking: Ranking) -> str:
    """Return what is meant by bold, or why nothing is."""
    sole = sole_best(ranking)
    if sole.best is None:
        return f"No score is bold: {sole.why}"
    missed = any(bool(item.short) != bool(sole.best.short) for item in ranking.ranked)
    but = " but those that missed their target" * missed
    rate = f"{ALPHA * 100:g}% for the whole table"
    return f"Bold: all others{but} are behind it, at an error rate of {rate}"


def left_out_lines(ranking: Ranking) -> list[str]:
    """Return the sentence on the configurations without a score, if there are any."""
    if not ranking.unranked:
        return []
    return [f"Without a score and not shown: {name_configurations(ranking.unranked)}"]
