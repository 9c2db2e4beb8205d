"""How processes end, in words: an exit code, a signal, the last line of a log."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from espalier.core.process import os_errors

_READ = 1 << 16  # bytes of the end of a log
ASIDE = re.compile(r"== |epoch \d+/\d+: |trained: |(\[rank\d+\]:)?\[[IW]\d{4} ")
"""Begins a line that explains no death: a trial's heading or its epochs, or a note of torch's."""


def describe_exit(code: int) -> str:
    """Return how a process ended: `exited with code 1`, `was killed by signal 9 (SIGKILL)`."""
    if code >= 0:
        return f"exited with code {code}"
    names = {int(number): f" ({number.name})" for number in signal.Signals}  # not real-time ones
    return f"was killed by signal {-code}{names.get(-code, '')}"


def last_line(log: Path, limit: int = 300, start: int = 0) -> str:
    """Return the last line of a log that has a message, at most `limit` characters of it.

    What is before the byte `start` does not count.
    """
    if not log.is_file():
        return f"{log.name} is missing"
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - _READ))
            text = file.read(_READ).decode("utf-8", "replace")
    except OSError as error:
        return f"{log.name} cannot be read ({os_errors.describe(error)})"
    lines = [" ".join(line.split()) for line in text.split("\n")]
    messages = [line for line in lines if line and not ASIDE.match(line)]
    return messages[-1][:limit] if messages else f"nothing is said in {log.name}"
