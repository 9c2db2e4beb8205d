"""The requests of range files as records, from which a sampler has its space without the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from espalier.core.errors import UserError
from espalier.kconfig import number_range
from espalier.kconfig.line_faults import Place
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols

_WHERE = "the plan"


def as_records(requests: Requests) -> list[dict[str, Any]]:
    """Return a record for each request, with keys symbol, values, and excluded where any is."""
    return [
        {"symbol": request.name, "values": list(request.values)}
        | ({"excluded": sorted(request.excluded)} if request.excluded else {})
        | ({"interval": True} if request.interval else {})
        for request in requests.values()
    ]


def from_records(symbols: Symbols, records: Iterable[Mapping[str, Any]]) -> Requests:
    """Return the requests of such records. Raises UserError for a symbol that is gone."""
    requests = {}
    for number, record in enumerate(records, start=1):
        name = str(record["symbol"])
        if name not in symbols:
            rule = "is in no Kconfig file any more; check out the commit that planned this"
            raise UserError(f"CONFIG_{name}: {rule}")
        requests[name] = _request(symbols, name, record, Place(_WHERE, number))
    return requests


def _request(symbols: Symbols, name: str, record: Mapping[str, Any], place: Place) -> Request:
    values, excluded = tuple(record["values"]), frozenset(record.get("excluded", ()))
    whole = symbols.kind(name) == "int"
    interval = number_range.interval(values[0], whole) if record.get("interval") else None
    return Request(name, values, place, excluded, interval=interval)
