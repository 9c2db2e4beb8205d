"""A snapshot as the beginning of another trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from espalier.core import revision
from espalier.core.trial import Trial
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.snapshot_files import Snapshot
from espalier.train.checkpoints.snapshot_manager import FOLDER


def copy_snapshot(
    snapshot: Snapshot, trial: Trial, directory: Path, changes: Mapping[str, str]
) -> None:
    """Copy a snapshot into the folder of `trial`, marked as of that trial and of today's code.

    `changes` are the values that are not the snapshot's, by symbol.
    """
    made = snapshot.manifest["made"]
    branch = {"from": str(snapshot.path), "made_by": made.get("code"), "changed": dict(changes)}
    now = {"sources": revision.sources(), "versions": revision.versions()}
    (directory / FOLDER).mkdir(parents=True, exist_ok=True)
    path = directory / FOLDER / snapshot.path.name
    stored = snapshot_files.write_content(path, snapshot.read())
    manifest = {
        **snapshot.manifest,
        **stored,
        "made": {**made, **now, "config": dict(trial.config)},
    }
    snapshot_files.write_manifest(path, {**manifest, "branch": branch})
