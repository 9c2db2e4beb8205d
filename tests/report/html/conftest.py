"""Fixtures of the tests that open report.html in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import chromium
from page_visits import swept_folder, visits_to


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for the tests of a module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sweep of `page_visits`, with its page."""
    return swept_folder(tmp_path_factory.mktemp("pages") / "sweep's 1")


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Any]:
    """Open pages, that of `folder` if none is named: see `visits_to`."""
    with visits_to(browser, folder / "report.html") as opened:
        yield opened
