"""Where the records of the benchmarks are kept, and what they say of a figure or a comparison.

`results/<machine>.json` has what a machine measured, a record for each program. `published/` has
records that were made from the figures of a page, because the run that gave them left none; their
`source` says which page. A record that is measured takes the place of a published one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from measuring import Record

from espalier.analysis.confidence import Interval
from espalier.analysis.multiple_tests import holm, interval_p, paired_p

HERE = Path(__file__).parent
RESULTS, PUBLISHED = HERE / "results", HERE / "published"
Records = Mapping[str, Record]
"""By name."""
ALPHA = 0.05


class Unsupported(ValueError):
    """What a page says and no record has."""


def keep(record: Record, folder: Path = RESULTS) -> Path:
    """Put a program's record into its machine's file, which is returned."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{slug(record['machine']['name'])}.json"
    kept: dict[str, Record] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(
        json.dumps({**kept, record["name"]: record}, indent=1, sort_keys=True) + "\n",
        encoding="utf-8",
    )
    return path


def slug(name: str) -> str:
    """Return a machine's name as that of a file: `Xeon(R) X, 2 cores` is `xeon-r-x-2-cores`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def stored(folder: Path = RESULTS) -> list[Record]:
    """Return every record of a folder, file by file."""
    files = sorted(folder.glob("*.json"))
    return [
        record for path in files for record in json.loads(path.read_text(encoding="utf-8")).values()
    ]


def by_name(
    measured: Iterable[Record] | None = None, published: Iterable[Record] | None = None
) -> dict[str, Record]:
    """Return the record of each name: the newest that was measured, else the published one."""
    measured = stored(RESULTS) if measured is None else measured
    published = stored(PUBLISHED) if published is None else published
    newest = {record["name"]: record for record in sorted(measured, key=lambda r: str(r["when"]))}
    return {record["name"]: record for record in published} | newest


def find_record(every: Records, name: str) -> Record:
    """Return a record. Raises: Unsupported if it is not there."""
    if name not in every:
        raise Unsupported(f"there is no record {name!r}")
    return every[name]


def find_figure(record: Record, what: str) -> Record:
    """Return a figure of a record. Raises: Unsupported if it is not there."""
    for figure in record["figures"]:
        if figure["what"] == what:
            return dict(figure)
    raise Unsupported(f"the record {record['name']!r} has no figure {what!r}")


def find_text(record: Record, what: str) -> str | None:
    """Return a text of a record, or what a note says behind `what` and a colon, or None."""
    if any(figure["what"] == what for figure in record["figures"]):
        return None
    starts = [note[len(what) + 2 :] for note in record["notes"] if note.startswith(f"{what}: ")]
    text: str | None = record.get("texts", {}).get(what, starts[0] if starts else None)
    return text


def family_size(record: Record, family: str) -> int:
    """Return how many comparisons are decided together, those that no record has included."""
    size: int = record.get("families", {}).get(family, 0)
    named = [figure for figure in record["figures"] if figure.get("family") == family]
    return max(size, len(named))


def corrected_p(record: Record, figure: Record) -> float:
    """Return p of a comparison after Holm over its family; 1 for what is no comparison.

    A p that was published counts as it is: there are no values to compute it from.
    """
    family = figure.get("family")
    if "p" in figure or not family:
        return float(figure.get("p", 1))
    peers = [other for other in record["figures"] if other.get("family") == family]
    p_values = holm([own_p(other) for other in peers], family_size(record, family))
    return p_values[[other["what"] for other in peers].index(figure["what"])]


def own_p(figure: Record) -> float:
    """Return p of a comparison by itself, of its paired differences or else of their interval."""
    if figure.get("values"):
        return paired_p(figure["values"])
    return interval_p(interval_of(figure))


def interval_of(figure: Record) -> Interval | None:
    """Return the mean of a figure with its 95 % t-interval; None if the record has none."""
    if figure.get("half_width") is None:
        return None
    return Interval(figure["mean"], figure["n"], figure["half_width"])


def outcome(every: Records, name: str, what: str) -> str:
    """Return `higher`, `lower` or `no difference` of a comparison. Raises: Unsupported."""
    record = find_record(every, name)
    figure = find_figure(record, what)
    if not figure.get("family"):
        raise Unsupported(f"{what!r} of {name!r} is no comparison: it has no family")
    interval = interval_of(figure)
    if interval is None or corrected_p(record, figure) >= ALPHA:
        return "no difference"
    if interval.low <= 0 <= interval.high:  # of a p that was published beside it
        return "no difference"
    return "higher" if figure["mean"] > 0 else "lower"
