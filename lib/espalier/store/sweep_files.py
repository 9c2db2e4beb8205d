"""The files of a sweep beside its store, by which a folder is known as that of a sweep."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

SWEEP = "sweep.json"
"""The header of what was planned."""
TRIALS = "trials.jsonl"
"""A line for each trial of the plan."""
METRICS = "training_metrics.json"
"""What came of a trial, in the trial's own folder."""


def metrics_files(folder: Path) -> list[Path]:
    """Return the files of the trials of a sweep that tell what came of each, in their order."""
    with suppress(OSError):
        return sorted(file for file in folder.glob(f"*/{METRICS}") if file.is_file())
    return []


def has_sweep_files(folder: Path) -> bool:
    """Return whether a folder has what a store can be made again from."""
    return (folder / SWEEP).exists() or (folder / TRIALS).exists() or bool(metrics_files(folder))
