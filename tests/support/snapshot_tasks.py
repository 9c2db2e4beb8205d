"""Small tasks that keep snapshots, and a run of them that is cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import entry_tasks
import pytest

from espalier.core.trial import Record, Task
from espalier.train import worker_entry

SNAPSHOTS = {"SNAPSHOT_EVERY": "1", "SNAPSHOT_EVENTS": "n", "SNAPSHOT_KEEP": "0"}

SNAPSHOTS |= {"SNAPSHOT_BEST": "n"}


class Killed(BaseException):
    """What takes a process away at an epoch's end."""


def task(folder: Path, settings: Mapping[str, str] | None = None, **changes: str) -> Task:
    found = entry_tasks.small_task({**SNAPSHOTS, **(settings or {})}, **changes)
    return replace(found, directories=(folder,))


def killed_after(epoch: int, one: Task) -> None:
    """Train until the record of `epoch` has been sent and not yet acted on."""

    def emit(record: Record) -> None:
        if record["epoch"] == epoch:
            raise Killed

    with pytest.raises(Killed):
        worker_entry.train_trial(one, emit)
