"""Results that a stopped runner could not put into its store, as another program had locked it.

They are kept in a file, from which the next runner records them: nothing is trained again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from espalier.core import decoding, strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.text_files import read_text
from espalier.core.trial import Result
from espalier.store.sqlite_errors import CONTENT
from espalier.store.store import Store

FILE = "unrecorded_results.json"
Ending = tuple[int, int, Result]
"""The number of a trial, the number of the attempt, and what came of it."""


def keep(folder: Path, endings: Iterable[Ending]) -> None:
    """Write results to a file, from which `record` takes them."""
    path = folder / FILE
    records = [(n, attempt, result.as_json()) for n, attempt, result in endings]
    if records:
        with disk_full.reported(folder):
            atomic_write(path, strict_json.pretty(records), sync=True)


def record(folder: Path, store: Store) -> None:
    """Put the results of the file into the store, which has their attempts as running."""
    path = folder / FILE
    if not path.exists():
        return
    try:
        records = decoding.value(read_text(path))
        endings = [(int(n), int(k), decoding.result(result)) for n, k, result in records]
    except CONTENT as error:
        print(f"note: {path}: damaged ({error}); its trials are run again", file=sys.stderr)
        endings = []
    with store.writing():
        for ending in endings:
            store.finish(*ending)
    path.unlink()
