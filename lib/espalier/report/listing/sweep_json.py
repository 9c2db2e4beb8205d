"""The list of all sweeps as JSON, for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espalier.core import strict_json
from espalier.core.trial import Record
from espalier.report.listing.listed_sweep import ListedConfiguration, ListedSweep, UnreadableSweep
from espalier.report.listing.matching import Match

FACTS = ("name", "note", "tags", "range_files", "swept")


def list_json(
    entries: Iterable[ListedSweep], unreadable: Iterable[UnreadableSweep], matches: Sequence[Match]
) -> str:
    """Return a JSON list with an object for each sweep, and one for each that cannot be read.

    `matches` are those of a query, of the same sweeps; without one there is none.
    """
    items = {match.entry.folder: match.items for match in matches}
    records = [_entry(entry) | _matching(items.get(entry.folder)) for entry in entries]
    faults = [{"sweep": str(each.folder), "error": each.reason} for each in unreadable]
    return strict_json.pretty([*records, *faults])


def _entry(entry: ListedSweep) -> Record:
    facts, best = entry.facts, entry.best
    return {
        "sweep": str(entry.folder),
        "began": facts.created,
        **{name: getattr(facts, name) for name in FACTS},
        "state": entry.state,
        "trials": facts.counts,
        "configurations": len(facts.configurations),
        "by": facts.by,
        "best": None if best is None else best.record,
        "verdicts": facts.verdicts,
        "claims": [{"claim": text, "status": status} for text, status in facts.claims],
        "race_ended": facts.race_ended,
    }


def _matching(items: Sequence[ListedConfiguration] | None) -> Record:
    if items is None:
        return {}
    records = [{"place": item.place, **item.record, "means": item.means} for item in items]
    return {"matching": records}
