"""What the reports of a sweep were written from, so that the same ones are not written again.

The stamp is a file beside them. It has a hash of their inputs, and one of each file. So they are
written again after a result that a killed program had no time to report, by another version of the
code, for other options or under another path, and if one was changed or deleted. The tables that
trials leave are no part of it: they change with the attempts at their trials, which are.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from espalier.core import decoding, revision, strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.file_digest import file_sha256
from espalier.core.paths import LIBRARY
from espalier.core.process import disk_full
from espalier.core.text_files import read_text
from espalier.store.sqlite_errors import CONTENT
from espalier.store.store import Store

STAMP = ".reports.json"
_WRITERS = ("analysis", "report")
"""The rooms that reports are made by and that the revision of the code leaves out."""


def inputs(store: Store, folder: Path, options: Sequence[str | None]) -> str:
    """Return a hash of all that the reports of a sweep in `folder` are made from.

    `options` are what they are to hold.
    """
    parts = (store.digest(), str(folder), [*options], _program(), revision.versions())
    return hashlib.sha256(strict_json.encode(parts).encode()).hexdigest()


def write(folder: Path, made_from: str, files: Mapping[str, str]) -> None:
    """Note what the reports in `folder`, texts by name, were made from."""
    hashes = {name: _sha256(text) for name, text in files.items()}
    with disk_full.reported(folder):
        text = strict_json.pretty({"inputs": made_from, "files": hashes})
        atomic_write(folder / STAMP, text)


def is_current(folder: Path, made_from: str) -> bool:
    """Return whether the reports in `folder` are there, unchanged, and were made from this."""
    with suppress(OSError, *CONTENT):
        stamp = decoding.value(read_text(folder / STAMP))
        if stamp["inputs"] == made_from:
            return all(file_sha256(folder / name) == each for name, each in stamp["files"].items())
    return False


@functools.cache
def _program() -> str:
    """Return a hash of the code and the templates that reports are made by."""
    lines = [f"{name} {file_sha256(path)}" for name, path in sorted(_program_files())]
    return _sha256("\n".join([revision.sources(), *lines]))


def _program_files() -> Iterator[tuple[str, Path]]:
    for room in _WRITERS:
        for path in (LIBRARY / room).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                yield path.relative_to(LIBRARY).as_posix(), path


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
