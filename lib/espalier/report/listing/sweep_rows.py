"""The list of all sweeps as tables of text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from espalier.analysis.confidence import Interval
from espalier.analysis.queries.query_tree import Query, comparisons
from espalier.core import measures
from espalier.core.process.terminal import printable
from espalier.core.texts.count_text import count_text
from espalier.core.texts.shortening import shorten
from espalier.core.trial import REPETITION, Status
from espalier.report.listing.listed_sweep import FINISHED, WORDS, ListedConfiguration, ListedSweep
from espalier.report.listing.matching import Match
from espalier.report.ranking_rows import format_interval, settings

HEADING = ["when", "sweep", "swept", "trials", "best", "verdict", "tags", "note"]
LONGEST = 200
"""Characters of a cell: texts of stores may be of any length."""

Row = list[str]


def sweep_rows(entries: Iterable[ListedSweep]) -> list[Row]:
    """Return the sweeps as a table, heading first."""
    return [HEADING, *(_plain(_sweep(entry)) for entry in entries)]


def sweep_blocks(entries: Iterable[ListedSweep]) -> list[Row]:
    """Return the same in three columns, for a terminal: cells have several lines."""
    rows = (_plain(_sweep(entry)) for entry in entries)
    return [["sweep", "trials", "best"], *(_block(row) for row in rows)]


def _block(row: Sequence[str]) -> Row:
    when, sweep, swept, trials, best, verdict, tags, note = row
    cells = ([sweep, when, tags, note], [trials, swept], [best, verdict])
    return ["\n".join(filter(None, lines)) for lines in cells]


def match_rows(matches: Iterable[Match], query: Query, top: int) -> list[Row]:
    """Return the `top` configurations of each sweep that a query is about, heading first."""
    heading = ["sweep", "place", "config", "score", "values"]
    return [heading, *(_plain(row) for match in matches for row in _matching(match, query, top))]


def _plain(row: Sequence[str]) -> Row:
    return [shorten(printable(text), LONGEST) for text in row]


def _sweep(entry: ListedSweep) -> Row:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.facts.created))
    texts = [_called(entry), _swept(entry), _trials(entry), _best(entry)]
    return [when, *texts, entry.facts.verdict, ", ".join(entry.facts.tags), entry.facts.note]


def _called(entry: ListedSweep) -> str:
    """Return the name of a sweep's folder, with that of the sweep unless it is part of it."""
    name, folder = entry.facts.name, entry.folder.name
    return f"{folder} ({name})" if name not in folder else folder


def _swept(entry: ListedSweep) -> str:
    """Return the swept symbols, with the number of their values, and the files of the plan."""
    axes = {symbol: len(values) for symbol, values in entry.facts.swept.items()}
    parts = [f"{symbol} x{count}" for symbol, count in axes.items() if symbol not in REPETITION]
    parts += [count_text(axes[symbol], "seed") for symbol in REPETITION[:1] if symbol in axes]
    files = ", ".join(PurePath(path).name for path in entry.facts.range_files)
    return ", ".join(parts) + (f" ({files})" if files else "")


def _trials(entry: ListedSweep) -> str:
    """Return how many trials there are by status, and whether they run or were stopped."""
    counts = entry.facts.counts
    shown = [at for at in Status if at is not Status.NOTRUN and counts.get(at)]
    by_status = ", ".join(f"{counts[at]} {at}" for at in shown)
    if entry.state == FINISHED:
        return f"{entry.total}: {by_status}"
    so_far = f"{entry.state}, {entry.ended} of {entry.total}"
    return f"{so_far}: {by_status}" if by_status else so_far


def _best(entry: ListedSweep) -> str:
    """Return the score of the best configuration, and which it is; empty without one."""
    return "" if entry.best is None else f"{_score(entry, entry.best)}: {entry.best.name}"


def _score(entry: ListedSweep, item: ListedConfiguration) -> str:
    by = measures.find(entry.facts.by)
    if item.score is None:
        return "no score"
    mean, half_width, n = item.score
    return f"{by.short} {format_interval(Interval(mean, n, half_width), by)}"


def _matching(match: Match, query: Query, top: int) -> list[Row]:
    """Return the rows of one sweep, the last one saying how many there are beside them."""
    folder = match.entry.folder.name
    rows = [
        [folder, f"#{item.place}" if item.place else "-", item.name]
        + [_score(match.entry, item), _values(match.entry, item, query)]
        for item in match.items[:top]
    ]
    rest = len(match.items) - top
    return rows + [[folder, "", f"and {rest} more", "", ""]] * (rest > 0)


def _values(entry: ListedSweep, item: ListedConfiguration, query: Query) -> str:
    """Return what a configuration was swept over, and what else the query speaks of."""
    texts = settings(item.values, "")
    shown = {*item.values, *WORDS, measures.find(entry.facts.by).name}
    for name in dict.fromkeys(part.name for part in comparisons(query)):
        if name not in shown:
            texts += [_value(name, value) for value in entry.values_of(item, name)]
    return " ".join(texts)


def _value(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return f"{name}={value}"
    by = measures.NAMED.get(name)
    return f"{name}={by.with_unit(value) if by else format(value, '.6g')}"
