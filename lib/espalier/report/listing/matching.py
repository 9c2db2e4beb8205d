"""Which configurations of sweeps a query is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from espalier.analysis.queries.query_parser import QueryError
from espalier.analysis.queries.query_tree import Query, QueryComparison, Value, comparisons
from espalier.kconfig.advice import spelling
from espalier.report.listing.listed_sweep import WORDS, ListedConfiguration, ListedSweep

SHOWN = 12
"""Values of a symbol that a message has."""


class Match(NamedTuple):
    """A sweep, and those of its configurations that a query is about, best first."""

    entry: ListedSweep
    items: list[ListedConfiguration]


def find_matches(entries: Iterable[ListedSweep], query: Query) -> list[Match]:
    """Return the sweeps with a configuration that a query holds for, in their order."""
    matches = [Match(entry, list(_holding(entry, query))) for entry in entries]
    return [match for match in matches if match.items]


def _holding(entry: ListedSweep, query: Query) -> Iterator[ListedConfiguration]:
    for item in entry.facts.configurations:
        if query.holds(partial(entry.values_of, item)):
            yield item


def check_names(entries: Sequence[ListedSweep], query: Query, text: str) -> None:
    """Raise QueryError for a name of a query that no configuration of any sweep has."""
    for item in comparisons(query):
        known = item.name in WORDS or not entries or any(_every_value(entries, item))
        if not known:
            near = spelling.nearest(item.name, _names(entries))
            rule = f"must be a symbol or a measure that a sweep has, and {item.name} is none"
            raise QueryError(text, item.place, rule + f" (did you mean {near}?)" * bool(near))


def _names(entries: Iterable[ListedSweep]) -> dict[str, None]:
    """Return all names that a query may have: symbols, measures and what is said of a sweep."""
    facts = [entry.facts for entry in entries]
    items = [item for each in facts for item in each.configurations]
    own = [*(item.own for item in items), *(item.means for item in items)]
    groups = [*own, *(each.common for each in facts), *(each.settings for each in facts)]
    return dict.fromkeys(name for group in [WORDS, *groups] for name in group)


def explain_none(entries: Sequence[ListedSweep], query: Query) -> list[str]:
    """Return a line for each equality that no configuration satisfies: which values there are."""
    lines = []
    for item in comparisons(query):
        values = list(dict.fromkeys(value for (value,) in _every_value(entries, item)))
        if item.operator == "=" and not item.holds({item.name: values}.__getitem__):
            texts = [str(value) for value in values[:SHOWN]]
            some = ", ".join(texts) + ", ..." * (len(values) > SHOWN)
            lines.append(f"no sweep has {item}; there is {some or 'none'}")
    return lines


def _every_value(entries: Iterable[ListedSweep], item: QueryComparison) -> Iterator[tuple[Value]]:
    for entry in entries:
        for configuration in entry.facts.configurations:
            yield from ((value,) for value in entry.values_of(configuration, item.name))
