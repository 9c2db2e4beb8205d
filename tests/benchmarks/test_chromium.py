"""Which browser pages are opened with, and how one is installed where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import chromium
import pytest

FAILING = (
    "print('Downloading'); print('Error: no such host'); print('at line 3'); raise SystemExit(1)"
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path with nothing on it, and an install that fails."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "INSTALL", (sys.executable, "-c", FAILING))
    return tmp_path


def put(folder: Path, name: str) -> str:
    program = folder / name
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_the_machine_s_own_browser_is_taken_and_none_is_installed(bare, capsys):
    assert chromium.on_path() is None
    chrome = put(bare, "google-chrome")
    assert chromium.on_path() == chrome
    assert chromium.on_path() != put(bare, "chromium") == chromium.on_path()
    chromium.install()
    assert capsys.readouterr().err == ""


def test_an_install_that_fails_is_a_line_and_no_error(bare, capsys):
    chromium.install()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "no browser (Error: no such host): tests of pages in one are skipped"


def test_an_install_that_hangs_is_ended(bare, monkeypatch, capsys):
    hangs = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setattr(chromium, "INSTALL", hangs)
    monkeypatch.setattr(chromium, "PATIENCE", 0.05)
    chromium.install()
    assert "not there after 0.05 seconds" in capsys.readouterr().err


def test_an_install_that_works_says_nothing(bare, monkeypatch, capsys):
    monkeypatch.setattr(chromium, "INSTALL", (sys.executable, "-c", "print('Error: of no weight')"))
    chromium.install()
    assert capsys.readouterr().err == ""


def test_without_any_browser_the_reason_is_one_line(bare, tmp_path, monkeypatch):
    pytest.importorskip("playwright", reason="no Playwright to drive a browser")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "empty"))
    with pytest.raises(chromium.NoBrowserError, match="^no browser on the path") as seen:
        chromium.launched().__enter__()
    assert "\n" not in str(seen.value)
