"""What shows a sweep on standard output: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console, ConsoleDimensions, Group
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType
from rich.table import Table
from rich.text import Text

from espalier.core.process.terminal import drawing_file, printable
from espalier.core.trial import Status
from espalier.run.displays.live_view import (
    LAST,
    FailedAttempts,
    LiveView,
    Room,
    lay_out,
)
from espalier.run.displays.progress import Display, Ending, finished_line, outcome
from espalier.store.sweep_state import SweepStatus

REDRAW = 0.2  # seconds between two drawings


class PlainDisplay:
    """One line a finished trial, without control codes."""

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        """Print its line."""
        print(finished_line(ending, sweep), flush=True)

    def note(self, line: str) -> None:
        """Print the line."""
        print(line, flush=True)

    def update(self, sweep: SweepStatus) -> None:
        """Do nothing: a log is no place for a moving picture."""

    def close(self) -> None:
        """Do nothing: there is nothing to restore."""


class LiveDisplay:
    """A bar for the sweep, a line a running task and the last failures, redrawn in place.

    What failed before those goes into the lines above, as everything does at the end.
    """

    def __init__(self, console: Console, earlier: Sequence[Ending] = ()) -> None:
        """Start drawing on `console`; `earlier` attempts have failed before."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._failed = len(earlier)
        self._last = deque((outcome(ending), False) for ending in earlier[-LAST:])
        self._cells: list[int] = []  # of the lines that stand on the terminal
        self._drawn = 0.0
        self._live.start()

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        """Keep it in view, unless the attempt passed or was stopped early."""
        del sweep
        if ending.result.status in (Status.PASSED, Status.STOPPED):
            return
        self._failed += 1
        self._last.append((outcome(ending), True))
        if len(self._last) > LAST:
            self._print_oldest()

    def note(self, line: str) -> None:
        """Print the line above the moving part."""
        self._adapt()
        self._console.print(Text(printable(line)))

    def update(self, sweep: SweepStatus) -> None:
        """Redraw, unless that was just done."""
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._adapt()
            failed = FailedAttempts(self._failed, tuple(text for text, _ in self._last))
            view = lay_out(sweep, failed, _inside(self._console))
            self._cells = view.cells
            self._live.update(picture(view, sweep), refresh=True)

    def close(self) -> None:
        """Remove the moving part; the failures in it stay."""
        self._adapt()
        while self._last:
            self._print_oldest()
        self._live.stop()

    def _print_oldest(self) -> None:
        """Print the oldest failure in view above it, unless it is one of an earlier run."""
        text, new = self._last.popleft()
        if new:
            self._adapt()
            self._console.print(Text(text, style="red"))

    def _adapt(self) -> None:
        """Take the size that the terminal has now; remove what a narrower one has wrapped.

        A terminal that was made narrower breaks lines that no longer fit, so that they take more
        rows than were drawn.
        """
        self._console.size = terminal_size(self._console)
        columns = self._console.size.width
        wrapped = sum((max(1, cells) - 1) // columns for cells in self._cells)
        self._cells = [min(cells, columns) for cells in self._cells]
        up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)] * wrapped
        if up:
            erase = (ControlType.ERASE_IN_LINE, 2)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, erase, *up))


def display(earlier: Sequence[Ending] = ()) -> Display:
    """Return the display that suits standard output; `earlier` attempts have failed before."""
    console = Console(file=drawing_file())
    live = sys.stdout.isatty() and console.is_terminal and not _is_dumb(console)
    return LiveDisplay(console, earlier) if live else PlainDisplay()


def _is_dumb(console: Console) -> bool:
    """Return whether a terminal moves no cursor, as far as is known."""
    return console.is_dumb_terminal or not os.environ.get("TERM")


def terminal_size(console: Console) -> ConsoleDimensions:
    """Return the size of the terminal that a console draws on; COLUMNS and LINES if it has none."""
    with suppress(OSError, ValueError):
        columns, rows = os.get_terminal_size(console.file.fileno())
        if columns and rows:
            return ConsoleDimensions(columns, rows)
    return Console(file=console.file).size


def _inside(console: Console) -> Room:
    """Return what a view may take of a terminal: all but a column and a row, so nothing scrolls."""
    columns, rows = console.size
    return Room(max(1, columns - 1), max(1, rows - 1), console.encoding)


def picture(view: LiveView, sweep: SweepStatus) -> Group:
    """Return what a view looks like."""
    head = Table.grid(padding=(0, 1))
    text = Text(view.overall, no_wrap=True)
    if view.bar:
        bar = ProgressBar(total=max(1, sweep.total), completed=sweep.done, width=view.bar)
        head.add_row(bar, text)
    else:
        head.add_row(text)
    tasks = (Text(line, no_wrap=True) for line in view.tasks)
    failures = (Text(line, no_wrap=True, style="red") for line in view.failures)
    return Group(head, *tasks, *failures)
