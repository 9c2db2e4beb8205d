"""What a sweep shows while it runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

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

from espalier.trial import Record, Result, Status, Trial

REDRAW = 0.2  # seconds between two drawings
ORDER = ("passed", "failed", "error", "running", "notrun", "skipped", "filtered")


@dataclass(frozen=True)
class Running:
    """A trial that is being trained: its last progress record and the seconds since it began."""

    name: str
    record: Record
    elapsed: float

    @property
    def share(self) -> float:
        """The share of its epochs that are done, 0..1."""
        return float(self.record["epoch"]) / float(self.record["epochs"]) if self.record else 0.0


@dataclass(frozen=True)
class Snapshot:
    """How a sweep stands. `mean` is the mean duration of a trial in seconds, None if unknown."""

    counts: Mapping[str, int]
    running: tuple[Running, ...]
    workers: int
    mean: float | None

    @property
    def total(self) -> int:
        """Trials in the sweep."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return self.total - self.counts.get("notrun", 0) - self.counts.get("running", 0)

    @property
    def eta(self) -> float | None:
        """Seconds to the end, from measured durations alone; None before there are any."""
        started = [one for one in self.running if one.share > 0]
        means = [one.elapsed / one.share for one in started]
        mean = self.mean if self.mean is not None else sum(means) / len(means) if means else None
        if mean is None:
            return 0.0 if self.done == self.total else None
        left = [_left(one, mean) for one in self.running]
        waiting = self.counts.get("notrun", 0)
        busy = max(1, min(self.workers, waiting + len(left)))
        return max([(sum(left) + waiting * mean) / busy, *left])


def _left(one: Running, mean: float) -> float:
    expected = one.elapsed / one.share if one.share > 0 else mean
    return max(0.0, expected - one.elapsed)


class Display(Protocol):
    """Where a runner shows how it gets on."""

    def finished(self, trial: Trial, result: Result, seconds: float, snapshot: Snapshot) -> None:
        """A trial has ended an attempt."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Called often."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class PlainDisplay:
    """One line a finished trial, without control codes."""

    def finished(self, trial: Trial, result: Result, seconds: float, snapshot: Snapshot) -> None:
        """Print the trial's line."""
        print(finished_line(trial, result, seconds, snapshot), flush=True)

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

    def finished(self, trial: Trial, result: Result, seconds: float, snapshot: Snapshot) -> None:
        """Print the trial's line above the moving part if something is wrong with it."""
        if result.status is not Status.PASSED:
            line = finished_line(trial, result, seconds, snapshot)
            self._live.console.print(Text(line, style="red"))

    def update(self, snapshot: Snapshot) -> None:
        """Redraw, unless that was just done."""
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._live.update(picture(snapshot), refresh=True)

    def close(self) -> None:
        """Remove the moving part."""
        self._live.stop()


def display() -> Display:
    """The display that suits standard output."""
    console = Console()
    return LiveDisplay(console) if sys.stdout.isatty() and console.is_terminal else PlainDisplay()


def picture(snapshot: Snapshot) -> Group:
    """The moving part: running trials, then the whole sweep."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=max(1, snapshot.total), completed=snapshot.done, width=30),
        Text(overall(snapshot)),
    )
    return Group(*(Text(running_line(one), no_wrap=True) for one in snapshot.running), bar)


def finished_line(trial: Trial, result: Result, seconds: float, snapshot: Snapshot) -> str:
    """`[ 3/36] config_003 passed val 97.2% sparsity 70.0% 3.1s  ETA 1m40s`."""
    width = len(str(snapshot.total))
    head = f"[{snapshot.done:>{width}}/{snapshot.total}] {trial.name} {result.status}"
    what = _measured(result) if result.status is Status.PASSED else f" {result.reason}: {result.message}"
    return f"{head}{what} {duration(seconds)}  ETA {duration(snapshot.eta)}"


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
    ended = [name for name in ORDER if name not in ("running", "notrun")]
    text = f"{snapshot.done}/{snapshot.total} done"
    if some := counted(snapshot.counts, ended):
        text += f" ({some})"
    return f"{text}, {len(snapshot.running)} running  ETA {duration(snapshot.eta)}"


def counted(counts: Mapping[str, int], names: Iterable[str] = ORDER) -> str:
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
