"""Where the records of the benchmarks are kept, and how one is looked up.

`results/<machine>.json` has what a machine measured, a record for each program. `published/` has
records that were made from the figures of a page, because the run that gave them left none; their
`source` says which page. A record is replaced when its program is run again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from measuring import Record

HERE = Path(__file__).parent
RESULTS, PUBLISHED = HERE / "results", HERE / "published"


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
