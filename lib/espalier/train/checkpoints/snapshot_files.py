"""Snapshots: files that a run goes on from exactly, also in another process and after a crash.

A snapshot is `epoch_00012.pt`, the run's state and its records so far, and beside it the manifest
`epoch_00012.json`, which describes it and has its checksum. The manifest is written when the state
is safe on the disk, so a snapshot is there whole or not at all; reading one runs no code. With
CONFIG_SNAPSHOT_COMPRESS the state is compressed, and the manifest says so.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.records import Provenance
from espalier.core.trial import Record
from espalier.train.checkpoints import tensor_files
from espalier.train.checkpoints.run_state import RunStateMismatch, capture, restore
from espalier.train.engine.trainer import Trainer

FORMAT = "espalier snapshot 1"
DELTA_FORMAT = "espalier snapshot 2"
"""That of snapshots that held differences, which this version does not read."""
FIELDS: dict[str, type] = {"epoch": int, "sha256": str, "reason": str, "made": dict}
"""What a manifest must hold, and its kind."""
WHOLE, COMPRESSED = "whole", "compressed"
"""How the state is stored: as torch writes it, or compressed."""
MEASURED = ("val_loss", "val_acc", "sparsity", "live_parameters")
"""The measures of an epoch's record that a manifest repeats, where there are any."""
SAME = (
    *("config", "sources", "versions", "device", "threads", "ranks", "micro_batch"),
    "data_fingerprint",
)
"""The parts of a trial's provenance that must be equal for its numbers to be equal."""


class SnapshotError(UserError):
    """A snapshot is damaged, or not one of this trial as it would be trained now."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on the disk: the path of its manifest, and the manifest; see `save`."""

    path: Path
    manifest: Record

    @property
    def epoch(self) -> int:
        """Return how many epochs were complete."""
        return int(self.manifest["epoch"])

    @property
    def file(self) -> Path:
        """Return the path of the state."""
        return self.path.with_suffix(".pt")

    def check_same(self, origin: Mapping[str, Any]) -> None:
        """Raise SnapshotError unless a trial of this `origin` would compute what this one did."""
        then = self.manifest["made"]
        for name in SAME:
            if (name in then or name in origin) and then.get(name) != origin.get(name):
                raise SnapshotError(f"{self.path}: made with other {name.replace('_', ' ')}")

    def read(self) -> dict[str, Any]:
        """Return its content, `position` and `history`. Raises SnapshotError if it is damaged."""
        try:
            data = self.file.read_bytes()
        except OSError as error:
            raise SnapshotError(f"{self.file}: {error.strerror}") from error
        if digest(data) != self.manifest["sha256"]:
            raise SnapshotError(f"{self.file}: damaged: its checksum is not that in {self.path}")
        try:
            content: dict[str, Any] = tensor_files.load(io.BytesIO(data))
            if {*content} != {"position", "history"}:
                raise ValueError(f"holds {type(content).__name__} of other names")
        except tensor_files.UNREADABLE as error:
            line = tensor_files.first_line(error)
            raise SnapshotError(f"{self.file}: not plain data for this machine ({line})") from None
        return content

    def restore(self, trainer: Trainer, content: dict[str, Any]) -> list[Record]:
        """Bring a fresh `trainer` to `content`, which is consumed; return the records up to there.

        Raises SnapshotError if it is of another run; the trainer is then of no use.
        """
        try:
            restore(trainer, content["position"])
            history = [dict(record) for record in content["history"]]
        except RunStateMismatch as error:
            raise SnapshotError(f"{self.path}: not of this trial: {error}") from error
        except tensor_files.MALFORMED as error:
            what = f"{type(error).__name__}: {tensor_files.first_line(error)}"
            raise SnapshotError(f"{self.path}: not of this trial, or damaged ({what})") from error
        return history

    def remove(self) -> None:
        """Remove both files, so that at no time one of them passes for the whole."""
        self.path.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class SnapshotContext:
    """The provenance of the run, the reason for its snapshot, and whether to compress it."""

    made: Mapping[str, Any]
    reason: str = ""
    compress: bool = False


def save(
    folder: Path, trainer: Trainer, history: Sequence[Record], context: SnapshotContext
) -> Snapshot:
    """Write the state of `trainer`, at the end of the last epoch of `history`, into `folder`.

    The manifest says, in JSON, how it is stored, its provenance (see `check_same`), the epoch, the
    step, changes of structure, the last record's loss, accuracy and sparsity, and the shapes of all
    tensors.
    """
    run = trainer.run
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"epoch_{run.epoch:05}.json"
    path.unlink(missing_ok=True)  # an old manifest goes before its state changes
    state = capture(trainer)
    content = {"position": state, "history": list(history)}
    last = history[-1]
    measured = {name: last[name] for name in MEASURED if name in last}
    manifest = {
        **write_content(path, content, context.compress),
        "epoch": run.epoch,
        "step": run.step,
        "reason": context.reason,
        "changes": run.method.changes(run),
        **measured,
        "tensors": {name: list(tensor.shape) for name, tensor in state["tensors"].items()},
        "made": dict(context.made),
    }
    write_manifest(path, manifest)
    return Snapshot(path, manifest)


def write_content(path: Path, content: Mapping[str, Any], compress: bool = False) -> Record:
    """Write the state beside the manifest `path`; return the manifest's lines on it."""
    file = path.with_suffix(".pt")
    tensor_files.write(file, content, compress)
    data = file.read_bytes()
    stored = {"as": COMPRESSED if compress else WHOLE}
    return {"format": FORMAT, "bytes": len(data), "sha256": digest(data), "stored": stored}


def digest(data: bytes) -> str:
    """Return the SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


def write_manifest(path: Path, manifest: Record) -> None:
    """Write a manifest, whole or not at all, and onto the disk."""
    atomic_write(path, json.dumps(manifest, indent=1) + "\n", sync=True)


def load(path: Path) -> Snapshot:
    """Return the snapshot that `path`, either of its two files, belongs to; tensors stay unread.

    Raises SnapshotError if there is none, or none that this version can read.
    """
    path = path.with_suffix(".json")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        _check_format(manifest, path)
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}; a snapshot is epoch_N.json") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"{path}: not what tells of a snapshot, or damaged") from error
    return Snapshot(path, manifest)


def _check_format(manifest: Record, path: Path) -> None:
    """Raise SnapshotError for another format, and whatever another content leads to."""
    if manifest["format"] == DELTA_FORMAT:
        commit = (manifest["made"].get("code") or {}).get("commit")
        rule = "holds differences from another snapshot, which this version does not read"
        fix = f"check out {commit or 'the commit that wrote it'}, or train the trial again"
        raise SnapshotError(f"{path}: a delta snapshot of an older version: it {rule}; {fix}")
    if manifest["format"] != FORMAT:
        rule = f"this version reads {FORMAT!r}; use the version that wrote it"
        raise SnapshotError(f"{path}: a snapshot in the format {manifest['format']!r}: {rule}")
    for name, kind in FIELDS.items():
        if not isinstance(manifest[name], kind):
            raise TypeError(f"{name} must be a {kind.__name__}")
    made = Provenance.from_json(manifest["made"])
    for values in (made.config or {}, made.settings or {}):
        if not all(isinstance(text, str) for pair in values.items() for text in pair):
            raise TypeError("a configuration must be texts by text")


def list_snapshots(folder: Path) -> list[Path]:
    """Return the manifests in `folder`, the earliest first."""
    return sorted(folder.glob("epoch_*.json"))
