"""Connections to the file of a store: a runner's, and that of a reader with any permission.

A store on a local disk has a write-ahead log, so that readers and the runner do not wait for each
other. SQLite reads it through an index, `sweep.db-shm`, which it must find or make. A reader that
finds none, and is not the one who should make it, reads a copy: of the file and of its log.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.store import file_systems, schema
from espalier.store.busy import STEP, is_busy

LONGEST = 512 - len("-journal")
"""Bytes of the longest path that SQLite opens."""
SIDE_FILES = ("-wal", "-shm", "-journal")
COPYING = 30.0
"""Seconds in which a copy has to come about between two writes of a runner."""
_UNCHANGED = 0.05  # seconds since the last change after which a time stamp tells another change
_NO_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


class Connection(NamedTuple):
    """An open file of SQLite, and what must be done once it is closed."""

    db: sqlite3.Connection
    cleanup: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Close the file, and remove it if it was a copy."""
        self.db.close()
        self.cleanup()


def check_length(path: Path) -> None:
    """Raise UserError if a path is longer than SQLite opens."""
    size = len(os.fsencode(path.absolute()))
    if size > LONGEST:
        raise UserError(
            f"{path}: a path of {size} bytes: must be at most {LONGEST}, as SQLite opens no "
            "longer one; name a folder with a shorter path with --output-dir"
        )


def create(path: Path) -> Connection:
    """Make the file of a new store."""
    check_length(path)
    return Connection(schema.connect(path, "rwc"))


def for_writing(path: Path) -> Connection:
    """Open a store for its runner."""
    check_length(path)
    db = schema.connect(path, "rw")
    try:
        schema.choose_journal(db, file_systems.of(path))
    except BaseException:
        db.close()
        raise
    return Connection(db)


def for_reading(path: Path) -> Connection:
    """Open a store for reading; what was committed is there, whatever else reads and writes."""
    check_length(path)
    if not _may_make_index(path):
        return _copied(path)
    try:
        return Connection(_tried(path, "ro"))
    except sqlite3.OperationalError as error:
        if is_busy(error) or (error.sqlite_errorcode & 0xFF) not in _NO_INDEX:
            raise
    return _copied(path)


def _may_make_index(path: Path) -> bool:
    """Return whether the index of the log is there, not needed, or this process's to make.

    One that another user made could be closed to the owner of the store, who could not write then.
    """
    if Path(f"{path}-shm").exists() or not _has_log(path):
        return True
    folder, user = os.access(path.parent, os.W_OK), os.geteuid()
    return folder and user in (0, path.stat().st_uid)


def _has_log(path: Path) -> bool:
    """Return whether a file of SQLite says in its header that it has a write-ahead log."""
    with path.open("rb") as file:
        return file.read(20)[18:] == b"\2\2"


def _tried(path: Path, mode: str) -> sqlite3.Connection:
    db = schema.connect(path, mode)
    try:
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _copied(path: Path) -> Connection:
    """Open a copy of a store that this process can neither lock nor write beside.

    The copy is of one moment: nothing was written while it was made, or it is made again. A runner
    that begins meanwhile makes the index, and then there is no need of a copy.
    """
    place = tempfile.TemporaryDirectory(prefix="espalier-store-", ignore_cleanup_errors=True)
    copy, end = Path(place.name) / path.name, time.monotonic() + COPYING
    try:
        while not _copy_at_once(path, copy):
            if Path(f"{path}-shm").exists():
                with suppress(sqlite3.OperationalError):
                    return Connection(_tried(path, "ro"), place.cleanup)
            if time.monotonic() > end:
                raise UserError(
                    f"{path}: changes all the time and cannot be read by this user; ask its owner "
                    "for write permission on its folder, or wait for the end of the sweep"
                )
            time.sleep(STEP)
        return Connection(_tried(copy, "rw"), place.cleanup)
    except BaseException:
        place.cleanup()
        raise


def _copy_at_once(path: Path, copy: Path) -> bool:
    """Copy a store with its log; return whether both were as they are now all the time."""
    before = _state(path)
    with disk_full.reported(copy.parent):
        for suffix in ("", "-wal", "-journal"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    unchanged = time.time() - path.stat().st_mtime > _UNCHANGED
    return unchanged and copy.exists() and before == _state(path)


def _state(path: Path) -> list[object]:
    """Return what changes with the file, and when its log begins anew.

    What is only appended to the log does no harm: it counts from its next commit on.
    """
    state: list[object] = []
    for name in (path, Path(f"{path}-journal")):
        with suppress(FileNotFoundError):
            stat = name.stat()
            state.append((name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    with suppress(FileNotFoundError), Path(f"{path}-wal").open("rb") as log:
        state.append(log.read(32))  # its header, with a salt of its own
    return state
