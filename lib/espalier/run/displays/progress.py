"""The progress of a sweep while it runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from espalier.core.process.terminal import drawing_file, printable
from espalier.core.trial import Result, Status, Trial
from espalier.store.sweep_state import SweepStatus, TaskProgress

REDRAW = 0.2  # seconds between two drawings
ENDED = (Status.PASSED, Status.FAILED, Status.ERROR)


class Display(Protocol):
    """Where a runner shows its progress."""

    def finish(self, result: Result, line: str) -> None:
        """Show the line of an attempt that has ended with `result`."""
        ...

    def note(self, line: str) -> None:
        """Show a line that is not about one trial."""
        ...

    def update(self, sweep: SweepStatus) -> None:
        """Show how the sweep stands; called often."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class PlainDisplay:
    """One line a finished trial, without control codes."""

    def finish(self, result: Result, line: str) -> None:
        """Print the line."""
        del result
        print(line, flush=True)

    def note(self, line: str) -> None:
        """Print the line."""
        print(line, flush=True)

    def update(self, sweep: SweepStatus) -> None:
        """Do nothing: a log is no place for a moving picture."""

    def close(self) -> None:
        """Do nothing: there is nothing to restore."""


class LiveDisplay:
    """One line a running trial and a bar for the sweep, redrawn in place."""

    def __init__(self, console: Console) -> None:
        """Start drawing on `console`."""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()
        self._drawn = 0.0

    def finish(self, result: Result, line: str) -> None:
        """Print the line above the moving part, unless the attempt passed."""
        if result.status is not Status.PASSED:
            self._live.console.print(Text(printable(line), style="red"))

    def note(self, line: str) -> None:
        """Print the line above the moving part."""
        self._live.console.print(Text(printable(line)))

    def update(self, sweep: SweepStatus) -> None:
        """Redraw, unless that was just done."""
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._live.update(picture(sweep), refresh=True)

    def close(self) -> None:
        """Remove the moving part."""
        self._live.stop()


def display() -> Display:
    """Return the display that suits standard output."""
    console = Console(file=drawing_file())
    return LiveDisplay(console) if sys.stdout.isatty() and console.is_terminal else PlainDisplay()


def picture(sweep: SweepStatus) -> Group:
    """Return the moving part: the sweep first, because a low terminal cuts off the end."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=max(1, sweep.total), completed=sweep.done, width=30),
        Text(overall(sweep)),
    )
    return Group(
        bar, *(Text(printable(running_line(task)), no_wrap=True) for task in sweep.running)
    )


def finished_line(
    trial: Trial, result: Result, seconds: float, retried: bool, sweep: SweepStatus
) -> str:
    """Return `[ 3/36] config_003 passed val 97.2% sparsity 70.0% 3.1s  ETA 1m40s`."""
    width = len(str(sweep.total))
    head = f"[{sweep.done:>{width}}/{sweep.total}] {trial.name} {result.status}"
    error = f" {result.reason}: {result.message}" + (" (to be tried again)" if retried else "")
    what = _measures(result) if result.status is Status.PASSED else error
    return f"{head}{what} {duration(seconds)}  ETA {duration(sweep.eta)}"


def _measures(result: Result) -> str:
    shown = {"val_acc": (" val {:.1f}%", 1), "final_sparsity": (" sparsity {:.1f}%", 100)}
    values = ((shown[name], result.measures.get(name)) for name in shown)
    return "".join(_number(text, value, scale) for (text, scale), value in values)


def _number(text: str, value: object, scale: int = 1) -> str:
    """Return a number as `text` shows it; nothing for what is none, as an older store may have."""
    if not isinstance(value, (int, float)):
        return ""
    try:
        return text.format(value * scale)
    except (OverflowError, ValueError):
        return ""


def running_line(task: TaskProgress) -> str:
    """Return `config_003 epoch 4/20 loss 0.213 val 93.1% sparsity 35.0%  2.0s`."""
    record = task.record
    numbers = (
        ("epoch {:d}", record.epoch),
        ("/{:d} ", record.epochs),
        ("loss {:.4g} ", record.train_loss),
        ("val {:.1f}% ", record.val_acc),
        ("sparsity {:.1%} ", record.sparsity),
    )
    shown = "".join(_number(text, value) for text, value in numbers)
    return f"{task.name} {shown or 'starting '} {duration(task.elapsed)}"


def overall(sweep: SweepStatus) -> str:
    """Return `12/36 done (11 passed, 1 failed), 2 running  ETA 1m40s`."""
    text = f"{sweep.done}/{sweep.total} done"
    if ended := counted(sweep.counts):
        text += f" ({ended})"
    count = sum(task.left for task in sweep.running)
    running = f"{count} running" if count else "workers are starting"
    return f"{text}, {running}  ETA {duration(sweep.eta)}"


def counted(counts: Mapping[Status, int], names: Iterable[Status] = ENDED) -> str:
    """Return `11 passed, 1 failed`."""
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))


def duration(seconds: float | None) -> str:
    """Return `3.1s`, `1m40s`, `2h05m`; `?` if unknown."""
    if seconds is None:
        return "?"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
