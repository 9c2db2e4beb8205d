"""Which configurations of sweeps a query is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from espalier.analysis.queries.query_parser import QueryError
from espalier.analysis.queries.query_tree import Comparison, Query, Value, comparisons
from espalier.analysis.rank import Configuration
from espalier.kconfig.advice import spelling
from espalier.report.listing.sweep_entries import SweepEntry

WORDS = ("name", "note", "tag")
"""What a query may say of a sweep itself."""


class Match(NamedTuple):
    """A sweep, and those of its configurations that a query is about, best first.

    A configuration comes with its place in the ranking, from 1; without a score it has none.
    """

    entry: SweepEntry
    items: list[tuple[int | None, Configuration]]


def find_matches(entries: Iterable[SweepEntry], query: Query) -> list[Match]:
    """Return the sweeps with a configuration that a query holds for, in their order."""
    matches = [Match(entry, list(_holding(entry, query))) for entry in entries]
    return [match for match in matches if match.items]


def _holding(entry: SweepEntry, query: Query) -> Iterator[tuple[int | None, Configuration]]:
    ranked = len(entry.ranking.ranked)
    for place, item in enumerate(entry.configurations, 1):
        if query.holds(partial(values_of, entry, item)):
            yield (place if place <= ranked else None), item


def values_of(entry: SweepEntry, item: Configuration, name: str) -> list[Value]:
    """Return what a configuration has under a name; nothing if it has nothing.

    That is what is said of its sweep, the texts of a symbol (of seeds several), else the mean of a
    measure.
    """
    if name in WORDS:
        header = entry.header
        said = {"name": [header.name], "note": [header.note], "tag": [*(header.tags or [])]}
        return [text for text in said[name] if text]
    texts = dict.fromkeys(each.trial.config.get(name) for each in item.results)
    if present := [text for text in texts if text is not None]:
        return [*present]
    if name in entry.header.settings:
        return [entry.header.settings[name]]
    mean = item.measure(name)
    return [] if mean is None else [mean.mean]


def check_names(entries: Sequence[SweepEntry], query: Query, text: str) -> None:
    """Raise QueryError for a name of a query that no configuration of any sweep has."""
    for item in comparisons(query):
        if item.name not in WORDS and entries and not _is_known(entries, item.name):
            near = spelling.nearest(item.name, _names(entries))
            rule = f"must be a symbol or a measure that a sweep has, and {item.name} is none"
            raise QueryError(text, item.place, rule + f" (did you mean {near}?)" * bool(near))


def _is_known(entries: Iterable[SweepEntry], name: str) -> bool:
    return any(values_of(entry, item, name) for entry in entries for item in entry.configurations)


def _names(entries: Iterable[SweepEntry]) -> dict[str, None]:
    """Return all names that configurations have, symbols and measures."""
    trials = [item for entry in entries for each in entry.configurations for item in each.results]
    groups = [
        *(item.trial.config for item in trials),
        *(item.scalars for item in trials),
        *(entry.header.settings for entry in entries),
    ]
    return dict.fromkeys(name for group in groups for name in group)


def unmet(entries: Sequence[SweepEntry], query: Query) -> list[str]:
    """Return a line for each equality that no configuration satisfies: which values there are."""
    lines = []
    for item in comparisons(query):
        values = dict.fromkeys(_every_value(entries, item))
        if item.operator == "=" and not item.holds({item.name: [*values]}.__getitem__):
            texts = [str(value) for value in values]
            some = ", ".join(texts[:12]) + ", ..." * (len(texts) > 12)
            lines.append(f"no sweep has {item}; there is {some or 'none'}")
    return lines


def _every_value(entries: Iterable[SweepEntry], item: Comparison) -> Iterator[Value]:
    for entry in entries:
        for configuration in entry.configurations:
            yield from values_of(entry, configuration, item.name)
