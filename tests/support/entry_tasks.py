"""Small tasks for the training entry, with the settings that every one of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kconfig_values import effective

from espalier.core.trial import Record, Result, Task, Trial

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
    return Task.single(Trial(1, "config_001", "id", effective(values)), dict(settings), folder)


def small_task(settings: Mapping[str, str] | None = None, **changes: str) -> Task:
    """Return a task of 45 steps on the digits, with state pruning under way from step 5."""
    return task({**SMALL, **changes}, {**SETTINGS, **(settings or {})})


def numbers(result: Result) -> tuple[list[Record], dict[str, Any]]:
    """Return history and measures without times."""
    history = [{k: v for k, v in r.items() if k != "seconds"} for r in result.history]
    measures = {k: v for k, v in result.measures.items() if k != "total_time"}
    return history, measures
