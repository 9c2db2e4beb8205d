"""Report a store that is damaged, gone or out of reach in one line, whatever SQLite says."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from espalier.core import disk_full
from espalier.core.errors import UserError

_CONTENT = (ValueError, TypeError, KeyError)
"""The errors of reading a file that is sound for SQLite and whose content is not."""

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def translated(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Turn the errors of SQLite, and those of `also`, into DiskFullError or UserError."""
    kinds: tuple[type[Exception], ...] = (sqlite3.DatabaseError, *also)
    try:
        with disk_full.reported(path.parent):
            yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a mistake of ours, which must be seen
    except kinds as error:
        if not path.exists():
            line = f"{path}: gone while it was in use; was the sweep's folder deleted?"
            raise UserError(line) from error
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: damaged or out of reach ({reason}); move its folder away and run again"
        ) from error


def reading(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method that reads a store raise UserError if the store cannot be read."""

    @functools.wraps(method)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        stored: Any = args[0]
        with translated(stored.path, *_CONTENT):
            return method(*args, **kwargs)

    return read
