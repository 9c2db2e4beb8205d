"""report.html of 10,000 trials over 12 symbols: time, memory and size; and what a browser needs.

Run: `python benchmarks/report_page.py`

Trials are made up, one seed a configuration, which is the largest page. Each repetition is a fresh
process, which ranks them and writes the page as while a sweep runs. Where Playwright and Chromium
are there, they open the page: until its first paint, and from a movement of a dragged pointer until
what it leaves has been drawn.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measuring
from large_sweeps import large_sweep
from measuring import Figure

TRIALS, SMALL = 10_000, 36
REPEATS = 3
MOVES = 20
WRITE = """
import sys
from pathlib import Path
from espalier.report.reports import write_page
write_page(Path(sys.argv[1]))
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
DRAWN = """() => new Promise((done) => {
  const start = performance.now();
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
})"""


def write(folder: Path) -> float:
    """Seconds of a process that writes the page of a sweep."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", WRITE, str(folder)], check=True)
    return time.perf_counter() - start


def browsed(page: Path) -> list[Figure]:
    """What Chromium needs; nothing where it or Playwright is not there."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        measuring.say("no browser: what it would need is not measured")
        return []
    with sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.goto(page.as_uri())
        opened.wait_for_selector("#ranking-table tbody tr")
        opened.wait_for_timeout(2000)
        paint = opened.evaluate(PAINT)
        moves = dragged(opened)
        browser.close()
    return [
        Figure("first paint", [paint], "ms", "<= 1000"),
        Figure("a movement of a dragged pointer, until it is drawn", moves, "ms", "<= 100"),
    ]


def dragged(page: Any) -> list[float]:
    """Milliseconds from each movement along an axis until the second frame after it."""
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x = box["x"] + box["width"] / 32
    page.mouse.move(x, box["y"] + 60)
    page.mouse.down()
    taken = []
    for n in range(MOVES):
        page.mouse.move(x, box["y"] + 80 + 10 * n)
        taken.append(float(page.evaluate(DRAWN)))
    page.mouse.up()
    return taken


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        large = large_sweep(Path(name) / "large", TRIALS, seeds=1)
        small = large_sweep(Path(name) / "small", SMALL, seeds=3)
        seconds = [write(large) for _ in range(REPEATS)]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        write(small)
        sizes = [(folder / "report.html").stat().st_size / 1000 for folder in (large, small)]
        seen = browsed(large / "report.html")
    processor = (used.ru_utime + used.ru_stime) / REPEATS
    figures = [
        Figure(f"page of {TRIALS:,} trials written", seconds, "s", "<= 15"),
        Figure("processor time of one", [processor], "s"),
        Figure("memory of one at most", [used.ru_maxrss / 1024], "MiB", "<= 1000"),
        Figure("size of the page", [sizes[0]], "kB", "<= 1000"),
        Figure(f"size of the page of {SMALL} trials", [sizes[1]], "kB", "<= 200"),
        *seen,
    ]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
