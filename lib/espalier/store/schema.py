"""The tables of a store, and connections to its file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from espalier.core import strict_json
from espalier.core.records import PlanHeader
from espalier.store.file_systems import FileSystem

SCHEMA = 1
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trials (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    directory TEXT NOT NULL UNIQUE, trial TEXT NOT NULL, config TEXT NOT NULL);
CREATE TABLE attempts (
    trial INTEGER NOT NULL REFERENCES trials (number), attempt INTEGER NOT NULL,
    round INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'error', 'stopped')),
    reason TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    started REAL NOT NULL, finished REAL, worker INTEGER NOT NULL, device TEXT NOT NULL,
    progress TEXT, result TEXT,
    PRIMARY KEY (trial, attempt)) WITHOUT ROWID;
CREATE INDEX attempts_by_status ON attempts (status);
"""
_PLAIN = ("CREATE TABLE", "CREATE INDEX")
_WAIT = 0.1  # seconds that SQLite waits for a lock by itself, deaf to signals

Row = tuple[object, ...]


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a connection whose transactions are explicit and survive a power cut.

    What a stranger's file has in its schema can do nothing but compute.
    """
    uri = path.absolute().as_uri().removeprefix("file://")
    db = sqlite3.connect(f"file:{uri}?mode={mode}", uri=True, isolation_level=None, timeout=_WAIT)
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def fill(
    db: sqlite3.Connection,
    header: PlanHeader,
    trials: Iterable[Row],
    system: FileSystem,
    order: float | None = None,
) -> None:
    """Make the tables of a new store and their first rows, in one transaction.

    `order` is the sweep's place among others, by default the time at which it began.
    """
    now = time.time()
    times = {"created": now, "order": now if order is None else order}
    meta = {"schema": SCHEMA, "header": header.as_json(), "round": 1, **times}
    db.executescript("BEGIN;" + TABLES)
    encoded = [(key, strict_json.encode(value)) for key, value in meta.items()]
    db.executemany("INSERT INTO meta VALUES (?, ?)", encoded)
    db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", trials)
    db.execute("COMMIT")
    choose_journal(db, system)


def choose_journal(db: sqlite3.Connection, system: FileSystem) -> None:
    """Keep a write-ahead log on local disks, and a rollback journal on network file systems.

    With a journal a reader and a commit wait for each other, for a moment.
    """
    journal = "delete" if system.network else "wal"
    if db.execute("PRAGMA journal_mode").fetchone() != (journal,):
        db.execute(f"PRAGMA journal_mode = {journal}").fetchone()
    if system.network:
        db.execute("PRAGMA cache_spill = OFF")  # takes the file for itself at the commit only


def foreign(db: sqlite3.Connection) -> str:
    """Return what else than tables and indices a file holds, which no store has: it may compute."""
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_schema"):
        if kind not in ("table", "index") or not str(sql or _PLAIN[0]).startswith(_PLAIN):
            return f"holds a {kind} {str(name)[:80]!a}, which no store has"
    return ""
