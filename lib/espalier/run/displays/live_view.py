"""The lines of a live view of a sweep, at most as many and as wide as a terminal has room for.

A pure function of how the sweep stands. First comes the sweep as a whole, then a line for each task
that runs, then what failed last. Where there is little room, lines say less, and tasks and failures
share the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from espalier.core.process.terminal import printable
from espalier.core.texts.shortening import CUT
from espalier.run.displays.progress import duration, overall, running_line
from espalier.store.sweep_state import SweepStatus, TaskProgress

LAST = 3
"""Failures that stay in view."""
NARROWEST, WIDEST = 10, 30
"""Columns of the bar; without so many there is none."""
SHARE = 3
"""One row in so many is kept for failures where not all tasks have room."""


class Room(NamedTuple):
    """The columns and rows that a view may take, and the encoding of the terminal."""

    columns: int
    rows: int
    encoding: str = "utf-8"

    def fits(self, text: str) -> bool:
        """Return whether a text fits into a row as it is."""
        return count_cells(text) <= self.columns

    def shown(self, text: str) -> str:
        """Return `text` as it is shown, or more of it than fits into a row."""
        line = printable(text[: self.columns + 1])  # what is shown is no shorter
        return line.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def cut(self, text: str) -> str:
        """Return `text` as a line that fits into a row, with `...` where it was cut."""
        line = self.shown(text)
        if self.fits(line):
            return line
        kept = accumulate(map(count_cells, line))
        fitting = sum(cells <= self.columns - len(CUT) for cells in kept)
        return (line[:fitting] + CUT)[: self.columns]


@dataclass(frozen=True)
class FailedAttempts:
    """How many attempts have failed, and what became of the last ones, a line each."""

    count: int = 0
    last: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveView:
    """The lines of a view: columns of a bar and its text, then tasks, then failures.

    Without a bar its columns are 0.
    """

    bar: int
    overall: str
    tasks: tuple[str, ...]
    failures: tuple[str, ...]

    @property
    def cells(self) -> list[int]:
        """The columns that each line takes at most."""
        head = self.bar + bool(self.bar) + count_cells(self.overall)
        return [head, *map(count_cells, (*self.tasks, *self.failures))]


def lay_out(sweep: SweepStatus, failed: FailedAttempts, room: Room) -> LiveView:
    """Return a view that takes no more than `room`, which is at least a row of a column."""
    text = _widest(_overall_forms(sweep), room)
    space = room.columns - count_cells(text) - 1
    failures, tasks = _share_rows(len(sweep.running), failed, room.rows - 1)
    return LiveView(
        bar=min(WIDEST, space) if space >= NARROWEST else 0,
        overall=text,
        tasks=tuple(_task_lines(sweep.running, tasks, room)),
        failures=tuple(map(room.cut, _failure_lines(failed, failures))),
    )


def count_cells(text: str) -> int:
    """Return how many columns a text takes at most: of what is not ASCII, two a character.

    Terminals do not agree on how wide such characters are; none makes them wider than that.
    """
    return sum(1 if character.isascii() else 2 for character in text)


def _widest(forms: Sequence[str], room: Room) -> str:
    """Return the first form, the longest first, that fits; else the last one, cut."""
    return next((form for form in forms if room.fits(form)), room.cut(forms[-1]))


def _overall_forms(sweep: SweepStatus) -> list[str]:
    done, eta = f"{sweep.done}/{sweep.total}", duration(sweep.eta)
    return [overall(sweep), f"{done} done  ETA {eta}", f"{done} ETA {eta}", f"{done} {eta}", done]


def _task_forms(task: TaskProgress, room: Room) -> list[str]:
    """Return the line of a task, and shorter ones for terminals that are too narrow for it."""
    record = task.record
    epoch = "" if record.epoch is None else f" {record.epoch}/{record.epochs or '?'}"
    short = f"{task.name}{epoch}"
    forms = (running_line(task), f"{short} {duration(task.elapsed)}", short)
    return [room.shown(form) for form in forms]


def _task_lines(tasks: Sequence[TaskProgress], rows: int, room: Room) -> list[str]:
    """Return a line a task; if they are more than `rows`, the last line counts the others."""
    if rows <= 0:
        return []
    shown = tasks if len(tasks) <= rows else tasks[: rows - 1]
    lines = [_widest(_task_forms(task, room), room) for task in shown]
    rest = sum(task.left for task in tasks[len(shown) :])
    return lines + [room.cut(f"and {rest} more running")] * bool(rest)


def _share_rows(running: int, failed: FailedAttempts, rows: int) -> tuple[int, int]:
    """Return the rows for failures and for tasks, of `rows` that there are."""
    full = len(failed.last) + 1 if failed.count else 0
    if rows < 2 or not full:
        return (0, rows) if running or not full else (min(rows, full), 0)
    failures = min(full, max(rows - running, max(1, rows // SHARE)))
    return failures, rows - failures


def _failure_lines(failed: FailedAttempts, rows: int) -> list[str]:
    """Return how many attempts failed and the last of them; in one row both."""
    if rows <= 0:
        return []
    head, last = f"failed attempts: {failed.count}", failed.last[-(rows - 1) :] if rows > 1 else ()
    if rows == 1:
        return [f"{head}; {failed.last[-1]}" if failed.last else head]
    return [head if len(last) == failed.count else f"{head}, the last {len(last)}:", *last]
