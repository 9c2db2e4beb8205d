"""What a sweep shows while it runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from espalier.sweep.standing import Running, Snapshot
from espalier.trial import Record, Result, Status, Trial

REDRAW = 0.2  # seconds between two drawings
ENDED = ("passed", "failed", "error")


@dataclass(frozen=True)
class Ending:
    """The end of an attempt: what came of it, how long it took, whether it is tried again."""

    trial: Trial
    result: Result
    seconds: float
    again: bool


class Display(Protocol):
    """Where a runner shows how it gets on."""

    def finished(self, ending: Ending, snapshot: Snapshot) -> None:
        """A trial has ended an attempt."""
        ...

    def note(self, line: str) -> None:
        """Something worth knowing that is not about one trial."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Called often."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class PlainDisplay:
    """One line a finished trial, without control codes."""

    def finished(self, ending: Ending, snapshot: Snapshot) -> None:
        """Print the trial's line."""
        print(finished_line(ending, snapshot), flush=True)

    def note(self, line: str) -> None:
        """Print it."""
        print(line, flush=True)

    def update(self, snapshot: Snapshot) -> None:
        """Nothing: a log is no place for a moving picture."""

    def close(self) -> None:
        """Nothing to restore."""


class LiveDisplay:
    """One line a running trial and a bar for the sweep, redrawn in place."""

    def __init__(self, console: Console) -> None:
        """Start drawing on `console`."""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()
        self._drawn = 0.0

    def finished(self, ending: Ending, snapshot: Snapshot) -> None:
        """Print the trial's line above the moving part if something is wrong with it."""
        if ending.result.status is not Status.PASSED:
            line = finished_line(ending, snapshot)
            self._live.console.print(Text(line, style="red"))

    def note(self, line: str) -> None:
        """Print it above the moving part."""
        self._live.console.print(Text(line))

    def update(self, snapshot: Snapshot) -> None:
        """Redraw, unless that was just done."""
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._live.update(picture(snapshot), refresh=True)

    def close(self) -> None:
        """Remove the moving part."""
        self._live.stop()


def show_cursor() -> None:
    """What `close` does to the terminal, for when there is no time for it."""
    if sys.stdout.isatty():
        os.write(1, b"\x1b[?25h")


def display() -> Display:
    """The display that suits standard output."""
    console = Console()
    return LiveDisplay(console) if sys.stdout.isatty() and console.is_terminal else PlainDisplay()


def picture(snapshot: Snapshot) -> Group:
    """The moving part: the whole sweep first, because a low terminal cuts off the end."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=max(1, snapshot.total), completed=snapshot.done, width=30),
        Text(overall(snapshot)),
    )
    return Group(bar, *(Text(running_line(one), no_wrap=True) for one in snapshot.running))


def finished_line(ending: Ending, snapshot: Snapshot) -> str:
    """`[ 3/36] config_003 passed val 97.2% sparsity 70.0% 3.1s  ETA 1m40s`."""
    width, result = len(str(snapshot.total)), ending.result
    head = f"[{snapshot.done:>{width}}/{snapshot.total}] {ending.trial.name} {result.status}"
    bad = f" {result.reason}: {result.message}" + (" (to be tried again)" if ending.again else "")
    what = _measured(result) if result.status is Status.PASSED else bad
    return f"{head}{what} {duration(ending.seconds)}  ETA {duration(snapshot.eta)}"


def _measured(result: Result) -> str:
    shown = {"val_acc": (" val {:.1f}%", 1), "final_sparsity": (" sparsity {:.1f}%", 100)}
    values = ((name, result.measures.get(name)) for name in shown)
    return "".join(
        shown[name][0].format(value * shown[name][1]) for name, value in values if value is not None
    )


def running_line(one: Running) -> str:
    """`config_003 epoch 4/20 loss 0.213 val 93.1% sparsity 35.0%  2.0s`."""
    parts = [_number(one.record, key, text) for key, text in _RUNNING.items()]
    return f"{one.name} {''.join(parts) or 'starting '} {duration(one.elapsed)}"


_RUNNING = {
    "epoch": "epoch {:d}",
    "epochs": "/{:d} ",
    "train_loss": "loss {:.4g} ",
    "val_acc": "val {:.1f}% ",
    "sparsity": "sparsity {:.1%} ",
}


def _number(record: Record, key: str, text: str) -> str:
    value = record.get(key)
    return "" if value is None else text.format(value)


def overall(snapshot: Snapshot) -> str:
    """`12/36 done (11 passed, 1 failed), 2 running  ETA 1m40s`."""
    text = f"{snapshot.done}/{snapshot.total} done"
    if some := counted(snapshot.counts):
        text += f" ({some})"
    count = sum(one.left for one in snapshot.running)
    running = f"{count} running" if count else "workers are starting"
    return f"{text}, {running}  ETA {duration(snapshot.eta)}"


def counted(counts: Mapping[str, int], names: Iterable[str] = ENDED) -> str:
    """`11 passed, 1 failed`."""
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))


def duration(seconds: float | None) -> str:
    """`3.1s`, `1m40s`, `2h05m`; `?` if unknown."""
    if seconds is None:
        return "?"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
