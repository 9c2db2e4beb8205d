"""Report what is wrong with a store in one line, whatever SQLite says, and what to do about it.

A file may be damaged, of another version, gone, locked by another program, or out of reach. These
need different cures, so they are distinguished.
"""

from __future__ import annotations

import functools
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.core.texts.program_name import MAKE
from espalier.store import file_systems
from espalier.store.busy import busy_error, is_busy

CONTENT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""The errors of reading a file that is sound for SQLite and whose content is not."""
_LOCKING = (
    *(sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK),
    *(sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_SHMLOCK),
    *(sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_PROTOCOL),
)
_OUT_OF_REACH = (
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_AUTH, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
)

P = ParamSpec("P")
T = TypeVar("T")


class DamagedStoreError(UserError):
    """The store of a sweep is no use; its results can be read from the files of its trials."""


def damaged(path: Path, reason: object) -> DamagedStoreError:
    """Return the error that the file of a store is no use, with what to do."""
    return DamagedStoreError(f"{path}: damaged ({_line(reason)}); {cure(path.parent)}")


def gone(path: Path) -> UserError:
    """Return the error that a file was deleted or renamed while it was open."""
    return UserError(
        f"{path}: gone while it was in use; was it, or the sweep's folder, deleted or renamed?"
    )


def cure(folder: Path) -> str:
    """Return how the store of a sweep is made again."""
    command = f"{MAKE} sweep-rebuild DIR={shlex.quote(str(folder))}"
    return f"`{command}` makes it again from the files of its trials"


@contextmanager
def translated(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Turn the errors of SQLite, and those of `also`, into DiskFullError or UserError."""
    kinds: tuple[type[Exception], ...] = (sqlite3.Error, *also)
    try:
        with disk_full.reported(path.parent):
            yield
    except sqlite3.ProgrammingError:
        raise  # a mistake of ours, which must be seen
    except kinds as error:
        raise explain(path, error) from error


def explain(path: Path, error: Exception) -> UserError:
    """Return what an error of SQLite, or of reading what it holds, means for the user."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if not _is_there(path):
        return gone(path)
    if is_busy(error):
        return busy_error(path)
    if code in _LOCKING:
        return UserError(
            f"{path}: SQLite finds no working locks ({_line(error)}) on "
            f"{file_systems.of(path)}; see docs/storage.md, or keep results on a local disk"
        )
    if code & 0xFF in _OUT_OF_REACH and code != sqlite3.SQLITE_IOERR_SHORT_READ:
        return UserError(
            f"{path}: out of reach ({_line(error)}); check the permissions of the file and of its "
            "folder, and the disk that it is on"
        )
    return damaged(path, error)


def reading(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method that reads a store wait for locks, and raise UserError for what is no use."""

    @functools.wraps(method)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        stored: Any = args[0]
        with translated(stored.path, *CONTENT):
            return stored.patience.wait(lambda: method(*args, **kwargs))  # type: ignore[no-any-return]

    return read


def changing(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method that writes to a store raise UserError if what it finds there is no use."""

    @functools.wraps(method)
    def write(*args: P.args, **kwargs: P.kwargs) -> T:
        stored: Any = args[0]
        with translated(stored.path, *CONTENT):
            return method(*args, **kwargs)

    return write


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _line(reason: object) -> str:
    text = " ".join(str(reason).split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:300]
