"""The tables of a store, and connections to its file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from espalier.core import strict_json
from espalier.core.records import PlanHeader

SCHEMA = 1
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trials (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    directory TEXT NOT NULL UNIQUE, trial TEXT NOT NULL, config TEXT NOT NULL);
CREATE TABLE attempts (
    trial INTEGER NOT NULL REFERENCES trials (number), attempt INTEGER NOT NULL,
    round INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'error')),
    reason TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    started REAL NOT NULL, finished REAL, worker INTEGER NOT NULL, device TEXT NOT NULL,
    progress TEXT, result TEXT,
    PRIMARY KEY (trial, attempt)) WITHOUT ROWID;
CREATE INDEX attempts_by_status ON attempts (status);
"""

Row = tuple[object, ...]


def connect(uri: str) -> sqlite3.Connection:
    """Open a connection whose transactions are explicit and survive a power cut."""
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def fill(db: sqlite3.Connection, header: PlanHeader, trials: Iterable[Row]) -> None:
    """Make the tables of a new store and their first rows, in one transaction."""
    meta = {"schema": SCHEMA, "header": header.as_json(), "round": 1, "created": time.time()}
    db.executescript("BEGIN;" + TABLES)
    encoded = [(key, strict_json.encode(value)) for key, value in meta.items()]
    db.executemany("INSERT INTO meta VALUES (?, ?)", encoded)
    db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", trials)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")


def uri(path: Path) -> str:
    """Return the part of a `file:` URI that names `path`."""
    return path.absolute().as_uri().removeprefix("file://")
