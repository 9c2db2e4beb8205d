"""The training_metrics.json of a trial: what it holds, and whether it has the last attempt.

The time of the file is that at which its last attempt ended: it is known to be up to
date without being read. A copy with other times is read once, and gets them back.
"""

from __future__ import annotations

import dataclasses
import json
import stat
from collections.abc import Sequence
from pathlib import Path

from espalier.core import strict_json
from espalier.core.atomic_write import atomic_write, set_time
from espalier.core.trial import Record, Result, Trial
from espalier.store.attempt import Attempt, LastAttempt, moment_of
from espalier.store.sqlite_errors import CONTENT


def write(path: Path, trial: Trial, result: Result, attempts: Sequence[Attempt]) -> None:
    """Write the file of a trial from its result and its attempts, in order. Raises OSError."""
    text = strict_json.pretty(content(trial, result, attempts))
    atomic_write(path, text, moment=moment_of(attempts[-1].finished) if attempts else None)


def content(trial: Trial, result: Result, attempts: Sequence[Attempt]) -> Record:
    """Return what the file holds."""
    return {
        "config_file": trial.name,
        "test_id": trial.id,
        "config": {f"CONFIG_{name}": value for name, value in trial.config.items()},
        "swept": sorted(f"CONFIG_{name}" for name in trial.swept),
        **result.as_json(),
        "attempts": [dataclasses.asdict(attempt) for attempt in attempts],
    }


def is_current(path: Path, last: LastAttempt) -> bool:
    """Return whether the file has the last attempt at its trial."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return False
        if status.st_size and last.moment and status.st_mtime_ns == last.moment:
            return True
        written = json.loads(path.read_text(encoding="utf-8"))["attempts"][-1]
    except (OSError, *CONTENT):
        return False
    if (written["attempt"], written["status"]) != (last.attempt, last.status):
        return False
    set_time(path, last.moment)
    return True
