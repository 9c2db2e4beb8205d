"""Databases that are sound, absent, locked and damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.report.exports.export_database import check_database


def test_what_is_sound_or_absent_passes(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    check_database(path)
    assert not path.exists()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (id TEXT)")
        check_database(path)
        database.execute("BEGIN EXCLUSIVE")  # its tool waits, or says so
        check_database(path)


def test_what_is_no_database_is_named_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(UserError, match="runs.db: file is not a database; remove it, and export"):
        check_database(path)
