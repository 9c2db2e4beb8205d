"""Which configurations of sweeps a query is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from espalier.analysis.queries.query_parser import QueryError
from espalier.analysis.queries.query_tree import Query, Value, comparisons
from espalier.core.texts.shortening import join_first
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
        if item.name not in WORDS and entries and not any(_holders(entries, item.name)):
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
        values = list(dict.fromkeys(chain.from_iterable(_holders(entries, item.name))))
        if item.operator == "=" and not item.holds({item.name: values}.__getitem__):
            some = join_first([str(value) for value in values], SHOWN)
            lines.append(f"no sweep has {item}; there is {some or 'none'}")
    return lines


def _holders(entries: Iterable[ListedSweep], name: str) -> Iterator[list[Value]]:
    """Yield what each configuration has under a name, if it has anything."""
    for entry in entries:
        for configuration in entry.facts.configurations:
            if values := entry.values_of(configuration, name):
                yield values
