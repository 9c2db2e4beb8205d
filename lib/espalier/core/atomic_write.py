"""Write files that are there whole or not at all: written to a draft, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def atomic_write(path: Path, text: str, sync: bool = False, moment: int | None = None) -> None:
    r"""Write `text` to `path`, whole or not at all; `sync` as in `draft`. Raises OSError.

    A byte of a file name that is no UTF-8 is written as `\udcff`. The file has `moment` as its
    time, in nanoseconds since 1970, if one is given.
    """
    with draft(path, sync) as place:
        place.write_text(text, encoding="utf-8", errors="backslashreplace")
        if moment is not None:
            set_time(place, moment)


def set_time(path: Path, moment: int) -> None:
    """Let a file have a time, in nanoseconds since 1970, if its file system takes it."""
    with suppress(OSError, OverflowError):
        os.utime(path, ns=(moment, moment), follow_symlinks=False)


@contextmanager
def draft(path: Path, sync: bool = False) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends.

    It lies in the same folder and has the same ending. If the block raises, it is removed and
    `path` stays as it was. Without `sync` a killed process leaves the old file or the new one. With
    `sync` so does a machine that loses power, and on return the new one is on the disk: this waits
    for the disk, so it is for what cannot be written again from something else. Raises OSError.
    """
    place = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield place
        if sync:
            _sync(place)
        place.replace(path)
    finally:
        place.unlink(missing_ok=True)
    if sync:
        _sync(path.parent)


def _sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
