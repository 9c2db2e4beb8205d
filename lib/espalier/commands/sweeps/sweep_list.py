"""`sweep-list`: list all sweeps, or those that a query is about."""

from __future__ import annotations

import sys

import click

from espalier.analysis.queries.query_parser import parse_query
from espalier.commands.options.option_types import POSITIVE, MeasuresType, as_json, make_option
from espalier.core.paths import RESULTS
from espalier.report.listing.listed_sweep import ListedSweep, UnreadableSweep
from espalier.report.listing.matching import Match, check_names, explain_none, find_matches
from espalier.report.listing.sweep_entries import read_entries
from espalier.report.listing.sweep_json import list_json
from espalier.report.listing.sweep_rows import match_rows, sweep_blocks, sweep_rows
from espalier.report.table_format import print_table

TOP = 5
"""Configurations of a sweep that are shown."""


@click.command()
@make_option(
    "Q",
    "--query",
    "text",
    metavar="QUERY",
    help="list what a configuration matches, as PRUNING_METHOD=rigl & val_acc>97",
)
@make_option(
    "TOP",
    "--top",
    type=POSITIVE,
    default=TOP,
    help="configurations of a sweep to show with a query",
)
@make_option(
    "RANK_BY",
    "--by",
    type=MeasuresType(strict=True),
    help="measure to rank by  [default: each sweep's own]",
)
@as_json
def command(text: str | None, top: int, by: str | None, json: bool) -> int:
    """List all sweeps, the newest first: what each swept, how far it is, what came of it.

    A query compares symbols and measures (= != < <= > >= ~, joined by & | ! and parentheses). It
    lists the sweeps with a configuration that it holds for, and those configurations; a measure
    counts with its mean over seeds, and name, note and tag are those of the sweep.
    """
    query = None if text is None else parse_query(text)
    entries, unreadable = read_entries(RESULTS, by)
    if query is None or text is None:
        _print(entries, unreadable, None, json)
        return 0
    check_names(entries, query, text)
    matches = find_matches(entries, query)
    _print([match.entry for match in matches], unreadable, matches, json)
    if json:
        return 0
    if matches:
        print()
        print_table(match_rows(matches, query, top))
    else:
        print("\n".join(explain_none(entries, query)))
    return 0


def _print(
    entries: list[ListedSweep],
    unreadable: list[UnreadableSweep],
    matches: list[Match] | None,
    json: bool,
) -> None:
    if json:
        print(list_json(entries, unreadable, matches or ()), end="")
        return
    for each in unreadable:
        print(f"note: left out: {each.reason}", file=sys.stderr)
    if entries:
        print_table(sweep_rows(entries), sweep_blocks(entries))
    else:
        where = "no sweep matches" if matches is not None else "no sweep has been run yet"
        print(f"{RESULTS}: {where}")
