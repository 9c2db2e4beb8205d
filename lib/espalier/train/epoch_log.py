"""The training log of a trial: a line an epoch in its output.log, and one at its end.

What a worker prints is captured in the log of the first trial of its task. So each trial's lines
are appended to the file of that trial, whether it trains alone or in a pack.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from espalier.core.trial import Record, Result, Task

EPOCH = {
    **dict.fromkeys(("train_loss", "val_loss"), "{:.6g}"),
    "val_acc": "{:.2f}%",
    "sparsity": "{:.4f}",
    "lr": "{:.6g}",
    "seconds": "{:.3f}",
}
"""What a line says of an epoch, in this order, and how a number is written."""
END = {
    **dict.fromkeys(("val_loss", "test_loss"), "{:.6g}"),
    **dict.fromkeys(("val_acc", "test_acc"), "{:.2f}%"),
    **dict.fromkeys(("final_sparsity", "prunable_share"), "{:.4f}"),
    "total_time": "{:.3f}",
}


def epoch_line(record: Record) -> str:
    """Return `epoch 3/20: train_loss=0.31 val_loss=0.35 val_acc=91.20% ...` of an epoch."""
    return f"epoch {record['epoch']}/{record['epochs']}: {_pairs(record, EPOCH)}"


def end_line(result: Result) -> str:
    """Return `trained: val_loss=0.35 test_loss=0.37 ...` of a trial that came to its end."""
    return f"trained: {_pairs(result.measures, END)}"


def _pairs(numbers: Mapping[str, Any], formats: Mapping[str, str]) -> str:
    written = {
        name: form.format(numbers[name]) for name, form in formats.items() if name in numbers
    }
    return " ".join(f"{name}={text}" for name, text in written.items())


def append_line(task: Task, line: str) -> None:
    """Append a line to the log of a trial, if its runner has begun one.

    A log that cannot be written costs no trial: all of it is in the trial's result, too.
    """
    if task.rank:  # of several processes the first one writes
        return
    with suppress(OSError):
        descriptor = os.open(task.log, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)
