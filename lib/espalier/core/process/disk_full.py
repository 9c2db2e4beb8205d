"""Report a full disk as one error, apart from every other failure."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from espalier.core.errors import UserError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SQLITE_NO_SPACE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)


class DiskFullError(UserError):
    """Nothing more can be stored; what was stored before is safe."""


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Raise DiskFullError for a full disk, whether SQLite or a file has run out of space."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) not in _SQLITE_NO_SPACE:  # text that is no text
            raise
        raise full(folder) from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise full(folder) from error


def full(folder: Path) -> DiskFullError:
    """Return the error that stops what writes into `folder`: a sweep, an export, a picture."""
    return DiskFullError(
        f"{folder}: no space left on the disk: stopped, and every finished trial is "
        "stored; free some space, then the same command goes on"
    )
