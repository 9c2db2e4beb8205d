"""report.html of 10,000 trials over 12 symbols: time, memory and size; and what a browser needs.

Run: `python benchmarks/report_page.py`

Trials are made up, one seed a configuration, which is the largest page. Each repetition is a fresh
process, which ranks them and writes the page as while a sweep runs. Where Playwright and a browser
are there, they open the page: until its first paint, and from a movement of a dragged pointer until
what it leaves has been drawn.

What writing again and again costs is measured over an hour that is not waited for: a clock of its
own goes on by a second at a time, and whenever the display of a running sweep thinks that a page is
due, one is written.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measuring
from chromium import NoBrowserError, launched
from large_sweeps import large_sweep
from measuring import Figure

from espalier.report.reports import write_page
from espalier.run.displays.page_display import PageDisplay

TRIALS, SMALL = 10_000, 36
REPEATS = 3
MOVES = 20
HOUR = 3600
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


class Quiet:
    """A display that shows nothing, of a sweep that does nothing else."""

    def finish(self, result: object, line: str) -> None: ...

    def note(self, line: str) -> None:
        measuring.say(line)

    def update(self, sweep: object) -> None: ...

    def close(self) -> None: ...


def rewritten(folder: Path, trials: int) -> tuple[float, int]:
    """Per cent of an hour of one processor that all pages of it take, and how many these are."""
    now, taken = [0.0], []

    def write_again() -> None:
        before = time.process_time()
        write_page(folder)
        taken.append(time.process_time() - before)

    display: Any = PageDisplay(Quiet(), write_again, trials, lambda: now[0], time.process_time)
    for second in range(HOUR + 1):
        now[0] = float(second)
        display.update(None)
    return 100 * sum(taken) / HOUR, len(taken)


def browsed(page: Path) -> list[Figure]:
    """What a browser needs; nothing where none is."""
    try:
        with launched() as browser:
            opened = browser.new_page(viewport={"width": 1440, "height": 900})
            opened.goto(page.as_uri())
            opened.wait_for_selector("#ranking-table tbody tr")
            opened.wait_for_timeout(2000)
            paint, moves = opened.evaluate(PAINT), dragged(opened)
    except NoBrowserError as error:
        measuring.say(f"{error}: what it would need is not measured")
        return []
    return [
        Figure("first paint", [paint], "ms", "<= 1000"),
        Figure("a movement of a dragged pointer, until it is drawn", moves, "ms", "<= 100"),
        Figure("the longest of these", [max(moves)], "ms", "<= 100"),
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
        shares = [rewritten(large, TRIALS), rewritten(small, SMALL)]
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
        *(
            Figure(f"of an hour, the pages of {trials:,} trials", [share], "%", "<= 1")
            for trials, (share, _) in zip((TRIALS, SMALL), shares, strict=True)
        ),
    ]
    written = " and ".join(str(count) for _, count in shares)
    measuring.tell(args, figures, [f"In that hour {written} pages are written."])


if __name__ == "__main__":
    main()
