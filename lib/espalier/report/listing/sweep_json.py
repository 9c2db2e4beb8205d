"""The list of all sweeps as JSON, for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espalier.core import strict_json
from espalier.core.trial import Record
from espalier.report.comparing.ranking_json import configuration_record
from espalier.report.listing.matching import Match
from espalier.report.listing.sweep_entries import SweepEntry, UnreadableSweep


def list_json(
    entries: Iterable[SweepEntry], unreadable: Iterable[UnreadableSweep], matches: Sequence[Match]
) -> str:
    """Return a JSON list with an object for each sweep, and one for each that cannot be read.

    `matches` are those of a query, of the same sweeps; without one there is none.
    """
    items = {match.entry.folder: match for match in matches}
    records = [_entry(entry) | _matching(items.get(entry.folder)) for entry in entries]
    faults = [{"sweep": str(each.folder), "error": each.reason} for each in unreadable]
    return strict_json.pretty([*records, *faults])


def _entry(entry: SweepEntry) -> Record:
    header, best = entry.header, entry.best
    return {
        "sweep": str(entry.folder),
        "began": entry.created,
        "name": header.name,
        "note": header.note,
        "tags": header.tags or [],
        "range_files": [each["path"] for each in header.sources],
        "swept": {axis["symbol"]: axis["values"] for axis in header.axes},
        "state": entry.state,
        "trials": {str(status): count for status, count in entry.counts.items()},
        "configurations": len(entry.configurations),
        "by": entry.ranking.measure.name,
        "best": None if best is None else configuration_record(best, entry.ranking),
        "verdicts": _verdicts(entry),
        "claims": _claims(entry),
        "race_ended": None if entry.race is None else entry.race.state.ended,
    }


def _verdicts(entry: SweepEntry) -> Record:
    """Return how many configurations stand in which way to the best."""
    said = [str(item.verdict) for item in entry.ranking.ranked[1:]]
    return {verdict: said.count(verdict) for verdict in dict.fromkeys(said)}


def _claims(entry: SweepEntry) -> list[Record]:
    judged = entry.judged.claims if entry.judged else ()
    return [{"claim": item.text, "status": str(item.status)} for item in judged]


def _matching(match: Match | None) -> Record:
    if match is None:
        return {}
    ranking = match.entry.ranking
    return {
        "matching": [
            {"place": place, **configuration_record(item, ranking)} for place, item in match.items
        ]
    }
