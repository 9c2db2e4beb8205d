"""The progress of a sweep in words: a line for what ended, for what runs, and for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from espalier.core.process.terminal import printable
from espalier.core.texts.shortening import shorten
from espalier.core.trial import Result, Status
from espalier.store.sweep_state import SweepStatus, TaskProgress

ENDED = (Status.PASSED, Status.FAILED, Status.ERROR, Status.STOPPED)
LONGEST = 200
"""Characters of a message that a line has at most; the store has all of it."""


@dataclass(frozen=True)
class Ending:
    """An attempt that has ended: the name of its trial, what came of it and the seconds it took.

    `retried` says whether the trial is to be tried again.
    """

    name: str
    result: Result
    seconds: float
    retried: bool = False


class Display(Protocol):
    """Where a runner shows its progress."""

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        """Show an attempt that has ended, after which the sweep stands so."""
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


class Notes:
    """Shows lines that are not about one trial, each once."""

    def __init__(self, view: Display) -> None:
        """Nothing has been shown."""
        self._view, self._shown = view, set[str]()

    def add(self, line: str) -> None:
        """Show a line, unless it is empty or has been shown."""
        if line and line not in self._shown:
            self._shown.add(line)
            self._view.note(line)


def finished_line(ending: Ending, sweep: SweepStatus) -> str:
    """Return `[ 3/36] config_003 passed val 97.2% sparsity 70.0% 3.1s  ETA 1m40s`."""
    width = len(str(sweep.total))
    head = f"[{sweep.done:>{width}}/{sweep.total}] {outcome(ending)}"
    return f"{head} {duration(ending.seconds)}  ETA {duration(sweep.eta)}"


def outcome(ending: Ending) -> str:
    """Return `config_003 passed val 97.2% sparsity 70.0%`, or why it did not, as one line."""
    result, name = ending.result, printable(ending.name)
    if result.status is Status.PASSED:
        return f"{name} {result.status}{_measures(result)}"
    why = shorten(printable(f"{result.reason}: {result.message}"), LONGEST)
    return f"{name} {result.status} {why}" + " (to be tried again)" * ending.retried


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
