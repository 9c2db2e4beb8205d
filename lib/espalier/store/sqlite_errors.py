"""A store that is damaged, gone or out of reach: one line, whatever SQLite said."""

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
"""What reading raises if the file is whole for SQLite and what it holds is not."""


P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def told(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Raise DiskFullError or UserError for what SQLite, or an error of `also`, says of `path`."""
    kinds: tuple[type[Exception], ...] = (sqlite3.DatabaseError, *also)
    try:
        with disk_full.needed(path.parent):
            yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a mistake of ours, which must be seen
    except kinds as error:
        if not path.exists():
            line = f"{path}: gone while it was in use; was the sweep's folder deleted?"
            raise UserError(line) from error
        what = " ".join(str(error).split())
        raise UserError(
            f"{path}: damaged or out of reach ({what}); move its folder away and run again"
        ) from error


def reading(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method that reads a store raise UserError if it cannot, or finds something else."""

    @functools.wraps(method)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        stored: Any = args[0]
        with told(stored.path, *_CONTENT):
            return method(*args, **kwargs)

    return read
