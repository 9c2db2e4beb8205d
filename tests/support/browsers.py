"""Chromium for tests of pages; where there is none, they skip with one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from chromium import NoBrowserError, launched

PATIENCE = 60_000
"""Milliseconds that a page may take for a step: long, since the machine may be busy."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium, driven by Playwright; end it with the block."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(launched())
        except NoBrowserError as error:
            pytest.skip(str(error))
        yield browser
