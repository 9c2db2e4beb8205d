"""Chromium, to measure and test pages with: the machine's own, else that of Playwright.

Where no browser is on the path, `install` lets Playwright download one for its own use:

    cd benchmarks && python -c "import chromium; chromium.install()"
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
INSTALL = (sys.executable, "-P", "-m", "playwright", "install", "--only-shell", "chromium")
WITHIN = {"PLAYWRIGHT_BROWSERS_PATH": "0"}
"""So Playwright's own browser lies within the environment, whatever the home is."""
PATIENCE = 600
"""Seconds that an install may take."""


class NoBrowserError(Exception):
    """No page can be opened; the text is one line and says why."""


def on_path() -> str | None:
    """Return the machine's browser; None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched() -> Iterator[Any]:
    """Start a browser, driven by Playwright; end it with the block.

    Raises NoBrowserError where Playwright is not installed, or no browser is.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError("no Playwright to drive a browser") from None
    os.environ.update({**WITHIN, **os.environ})  # its driver takes no other
    with sync_playwright() as playwright:
        browser = _launch(playwright.chromium)
        try:
            yield browser
        finally:
            browser.close()


def _launch(kind: Any) -> Any:
    """Return the browser; as root, which continuous integration may be, it has no sandbox."""
    from playwright.sync_api import Error

    path, arguments = on_path(), ["--no-sandbox"] if os.geteuid() == 0 else []
    try:
        return kind.launch(executable_path=path, args=arguments)
    except Error as error:
        if path:
            raise
        why = next(filter(None, str(error).splitlines()), "")
        raise NoBrowserError(f"no browser on the path, nor one of Playwright: {why}") from None


def install() -> None:
    """Install Playwright's own browser, unless one is there; say in a line if none can be had."""
    if on_path():
        return
    try:
        done = subprocess.run(
            INSTALL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            env={**WITHIN, **os.environ},
        )
        why = "" if done.returncode == 0 else _reason(done.stdout)
    except subprocess.TimeoutExpired:
        why = f"not there after {PATIENCE} seconds"
    if why:
        print(f"no browser ({why}): tests of pages in one are skipped", file=sys.stderr)


def _reason(output: str) -> str:
    """Return the line of an install that says what failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "Error" in line), lines[-1] if lines else "no reason")
