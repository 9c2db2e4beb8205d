"""Tasks of small trials for the training entry, and what their results are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from kconfig_values import effective

from espalier.core.trial import Record, Result, Task, Trial
from espalier.train import worker_entry

SETTINGS = {
    "DEVICE": "cpu",
    "DATA_DIR": "data",
    "DATA_MEMORY": "0",
    "DATA_WORKERS": "0",
    "MICRO_BATCH": "0",
    "DOWNLOAD": "n",
    "DEBUG_CHECKS": "n",
}
SMALL = {
    "TRAIN_SUBSET": "120",
    "BATCH_SIZE": "8",
    "NUM_EPOCHS": "3",
    "PRUNING_WARMUP": "5",
    "PRUNING_RAMP_END_EPOCH": "2",
    "PRUNING_FREQUENCY": "5",
}
TEXT = {
    "DATASET": "text",
    "TEXT_LENGTH": "4000",
    "TEXT_CONTEXT": "8",
    "CHARLM_WIDTH": "8",
    "CHARLM_LAYERS": "1",
    "CHARLM_INNER": "16",
}


def task(
    values: Mapping[str, str], settings: Mapping[str, str], folder: Path | None = None
) -> Task:
    """Return the task of one trial under `values`."""
    trial = Trial(1, "config_001", "id", effective(values))
    return Task.single(trial, dict(settings), folder or Path("nowhere"))


def small_task(settings: Mapping[str, str] | None = None, **changes: str) -> Task:
    """Return a task of 45 steps on the digits, with state pruning under way from step 5."""
    return task({**SMALL, **changes}, {**SETTINGS, **(settings or {})})


def numbers(result: Result) -> tuple[list[Record], dict[str, Any]]:
    """Return history and measures without times."""
    history = [{k: v for k, v in r.items() if k != "seconds"} for r in result.history]
    measures = {k: v for k, v in result.measures.items() if k != "total_time"}
    return history, measures


SNAPSHOTS = {"SNAPSHOT_EVERY": "1", "SNAPSHOT_EVENTS": "n", "SNAPSHOT_KEEP": "0"}
SNAPSHOTS |= {"SNAPSHOT_BEST": "n"}


class Killed(BaseException):
    """Stands for the end of a process at the end of an epoch."""


def snapshot_task(folder: Path, settings: Mapping[str, str] | None = None, **changes: str) -> Task:
    task = small_task({**SNAPSHOTS, **(settings or {})}, **changes)
    return replace(task, directories=(folder,))


def killed_after(epoch: int, task: Task) -> None:
    """Train until the record of `epoch` has been sent and not yet acted on."""

    def emit(record: Record) -> None:
        if record["epoch"] == epoch:
            raise Killed

    with suppress(Killed):
        worker_entry.train_trial(task, emit)
        raise AssertionError(f"there is no epoch {epoch}")
