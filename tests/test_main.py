"""`python -m espalier`: what no verb expected is one line too."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from espalier import __main__ as espalier


def full(argv: list[str]) -> int:
    raise OSError(28, "No space left on device")


def read(argv: list[str]) -> int:
    return len(Path(argv[0]).read_text())


def query(argv: list[str]) -> int:
    sqlite3.connect(argv[0]).execute("select * from trials")
    return 0


def broken(argv: list[str]) -> int:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("full", "read", "query", "broken"):
        monkeypatch.setitem(espalier.VERBS, name, f"{__name__}:{name}")


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("full", "full: No space left on device"),
        ("read", "{path}: Is a directory"),
        ("query", "query: unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, says: str
) -> None:
    assert espalier.main([verb, str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {says.format(path=tmp_path)}\n"


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        espalier.main(["broken"])


def test_an_unknown_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert espalier.main(["sweeep"]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m espalier {config,lint,")
