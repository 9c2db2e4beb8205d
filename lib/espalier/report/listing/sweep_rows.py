"""The list of all sweeps as tables of text."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from espalier.analysis.confidence import Verdict
from espalier.analysis.queries.query_tree import Query, comparisons
from espalier.analysis.rank import Configuration, swept_values
from espalier.core.measures import NAMED, Measure
from espalier.core.process.terminal import printable
from espalier.core.texts.count_text import count_text
from espalier.core.trial import REPETITION, Status
from espalier.report.listing.matching import Match, values_of
from espalier.report.listing.sweep_entries import FINISHED, SweepEntry
from espalier.report.race_report import how_ended
from espalier.report.ranking_rows import format_interval, settings

HEADING = ["when", "sweep", "swept", "trials", "best", "verdict", "tags"]
LONGEST = 200
"""Characters of a cell: texts of stores may be of any length."""

Row = list[str]


def sweep_rows(entries: Iterable[SweepEntry]) -> list[Row]:
    """Return the sweeps as a table, heading first."""
    return [HEADING, *(_plain(_sweep(entry)) for entry in entries)]


def match_rows(matches: Iterable[Match], query: Query, top: int) -> list[Row]:
    """Return the `top` configurations of each sweep that a query is about, heading first."""
    heading = ["sweep", "place", "config", "score", "values"]
    return [heading, *(_plain(row) for match in matches for row in _matching(match, query, top))]


def _plain(row: Sequence[str]) -> Row:
    cells = map(printable, row)
    return [text if len(text) <= LONGEST else f"{text[:LONGEST]}..." for text in cells]


def _sweep(entry: SweepEntry) -> Row:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    tags = ", ".join(entry.header.tags or [])
    return [when, called(entry), swept(entry), trials(entry), best(entry), verdict(entry), tags]


def called(entry: SweepEntry) -> str:
    """Return the name of a sweep's folder, with that of the sweep unless it is part of it."""
    name = entry.header.name
    return entry.folder.name + (f" ({name})" if name and name not in entry.folder.name else "")


def swept(entry: SweepEntry) -> str:
    """Return the swept symbols, with the number of their values, and the files of the plan."""
    axes = [axis for axis in entry.header.axes if axis["symbol"] not in REPETITION]
    seeds = [len(axis["values"]) for axis in entry.header.axes if axis["symbol"] in REPETITION]
    parts = [f"{axis['symbol']} x{len(axis['values'])}" for axis in axes]
    parts += [count_text(sum(seeds), "seed")] * bool(seeds)
    files = ", ".join(PurePath(each["path"]).name for each in entry.header.sources)
    return ", ".join(parts) + (f" ({files})" if files else "")


def trials(entry: SweepEntry) -> str:
    """Return how many trials there are by status, and whether they run or were stopped."""
    shown = [at for at in Status if at is not Status.NOTRUN and entry.counts.get(at)]
    by_status = ", ".join(f"{entry.counts[at]} {at}" for at in shown)
    if entry.state == FINISHED:
        return f"{entry.total}: {by_status}"
    so_far = f"{entry.state}, {entry.ended} of {entry.total}"
    return f"{so_far}: {by_status}" if by_status else so_far


def best(entry: SweepEntry) -> str:
    """Return the score of the best configuration, and which it is; empty without one."""
    item = entry.best
    return "" if item is None else f"{_score(entry, item)}: {item.first.name}"


def _score(entry: SweepEntry, item: Configuration) -> str:
    by = entry.ranking.measure
    return f"{by.short} {format_interval(item.score, by)}"


def verdict(entry: SweepEntry) -> str:
    """Return what came of the claims, else how a race ended, else how others stand to the best."""
    if entry.judged is not None:
        counts = Counter(claim.status for claim in entry.judged.claims)
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{count_text(len(entry.judged.claims), 'claim')}: {said}"
    if entry.race is not None:
        return f"race: {how_ended(entry.race).lower()}"
    return " and ".join(f"{count} {what}" for what, count in beside(entry).items() if count)


def beside(entry: SweepEntry) -> dict[str, int]:
    """Return how many configurations are behind the best, and how many are not told from it."""
    others = entry.ranking.ranked[1:]
    counts = Counter(item.verdict for item in others)
    total = len(others)
    return {
        "behind": counts[Verdict.BEHIND],
        f"not told apart, of {total} others": counts[Verdict.TIED],
    }


def _matching(match: Match, query: Query, top: int) -> list[Row]:
    """Return the rows of one sweep, the last one saying how many there are beside them."""
    rows = [
        [match.entry.folder.name, f"#{place}" if place else "-", item.first.name]
        + [_score(match.entry, item) if place else "no score", _values(match, item, query)]
        for place, item in match.items[:top]
    ]
    rest = len(match.items) - top
    return rows + [[match.entry.folder.name, "", f"and {rest} more", "", ""]] * (rest > 0)


def _values(match: Match, item: Configuration, query: Query) -> str:
    """Return what a configuration was swept over, and what else the query speaks of."""
    texts = settings(swept_values(item.first), "")
    for name in dict.fromkeys(part.name for part in comparisons(query)):
        if name not in swept_values(item.first) and name != match.entry.ranking.measure.name:
            texts += [_value(name, value) for value in values_of(match.entry, item, name)]
    return " ".join(dict.fromkeys(texts))


def _value(name: str, value: str | float) -> str:
    measure: Measure | None = NAMED.get(name)
    if isinstance(value, str):
        return f"{name}={value}"
    return f"{name}={measure.with_unit(value) if measure else format(value, '.6g')}"
