"""An entry whose results say where they come from, as those of real trials do.

Code, data and device are what the environment says: FAKE_COMMIT, FAKE_DATA, FAKE_DEVICE.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import fake_entry

from espalier.core import revision
from espalier.core.records import PackShare, Provenance, Revision
from espalier.core.trial import SNAPSHOTS, Emit, Result, Status, Task


def origin(task: Task) -> Provenance:
    return Provenance(
        settings=dict(task.settings),
        code=code(),
        versions=revision.versions(),
        device=os.environ.get("FAKE_DEVICE", "cpu"),
        data_fingerprint=os.environ.get("FAKE_DATA", "d1"),
    )


def code() -> Revision:
    return Revision(commit=os.environ.get("FAKE_COMMIT", "a" * 40), modified=False, changes="")


def preflight(task: Task) -> Result:
    return Result(Status.PASSED, provenance=origin(task))


def train(task: Task, emit: Emit) -> Result:
    """Refuse to train under MICRO_BATCH=8; else leave a model and do what the trial's ACT says."""
    made = origin(task)
    if task.settings.get("MICRO_BATCH") == "8":
        kind = (Status.FAILED, "split") if task.trial.number == 1 else (Status.ERROR, "input")
        return Result(*kind, "set CONFIG_MICRO_BATCH=0", provenance=made)
    (task.directory / "model.pt").write_text(task.trial.id, encoding="utf-8")
    if task.settings.get("SNAPSHOT_EVERY", "0") != "0":
        _snapshot(task.directory / SNAPSHOTS)
    result = fake_entry.train(task, emit)
    resumed = {"epoch": 1} if task.trial.config.get("RESUMED") else None
    return replace(result, provenance=replace(made, pack=PackShare(), resumed=resumed))


def _snapshot(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "epoch_00001.json").write_text(json.dumps({"epoch": 1}), encoding="utf-8")
