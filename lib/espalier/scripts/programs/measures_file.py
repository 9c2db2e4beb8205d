"""The file of a trial's measures, a line of JSON each: read as it grows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from espalier.scripts.epoch_records import BadMeasureError

_SHOWN = 60  # characters of a line in a message


class MeasuresFile:
    """A file that a program appends to, and what of it has been read."""

    def __init__(self, path: Path) -> None:
        """Begin at the end of the file; make it if it is not there. Raises OSError.

        A line that a killed program left without its end gets one.
        """
        self._path = path
        with path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end and _last_byte(file.fileno(), end) != b"\n":
                end += file.write(b"\n")
        self._begun = self._read = end
        self._rest = b""

    def earlier(self) -> list[dict[str, Any]]:
        """Return the records of earlier attempts, those that are records."""
        records = []
        for line in self._path.read_bytes()[: self._begun].splitlines():
            with suppress(BadMeasureError):
                records.append(_record(line))
        return records

    def append(self, records: Iterable[Mapping[str, float]]) -> None:
        """Add records, for a program that does not do that itself. Raises OSError."""
        with self._path.open("ab") as file:
            file.writelines(json.dumps(record).encode() + b"\n" for record in records)

    def records(self, ended: bool = False) -> Iterator[dict[str, Any]]:
        """Yield what has been added since the last call; if `ended`, also a line without its end.

        Raises BadMeasureError for a line that is no object of JSON, OSError.
        """
        added = self._added()
        *lines, self._rest = (self._rest + added).split(b"\n")
        if ended:
            lines, self._rest = [*lines, self._rest], b""
        for line in filter(bytes.strip, lines):
            yield _record(line)

    def _added(self) -> bytes:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:  # the program has removed it
            return b""
        if size == self._read:
            return b""
        if size < self._read:  # it was written anew
            self._read, self._rest = 0, b""
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
            self._read = file.tell()
        return data


def _last_byte(descriptor: int, size: int) -> bytes:
    return os.pread(descriptor, 1, size - 1)


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        text = line.decode("utf-8", "replace")
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise BadMeasureError(f'{shown!r}: a line must be an object such as {{"val_acc": 0.91}}')
    return record
