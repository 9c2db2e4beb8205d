"""The SQLite file of an export, looked at before its tool opens it.

MLflow tries to open a damaged one again and again for two minutes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from espalier.core.errors import UserError

DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def check_database(path: Path) -> None:
    """Raise UserError if there is a file at `path` that is no database, or a damaged one."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in DAMAGED:
            raise UserError(f"{path.absolute()}: {error}; remove it, and export again") from error
