"""Snapshots: files that a run goes on from exactly, also in another process and after a crash.

A snapshot is `epoch_00012.pt`, the run's position and its records so far, and beside it
`epoch_00012.json`, which says what it is and has its checksum. The second is written when the first
is safe on the disk, so a snapshot is there whole or not at all; reading one runs no code. With
CONFIG_SNAPSHOT_COMPRESS the first is compressed, and the second says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.trial import Record
from espalier.train.checkpoints import tensor_files
from espalier.train.checkpoints.run_state import RunStateMismatch, capture, restore
from espalier.train.engine.trainer import Trainer

FORMAT = "espalier snapshot 1"
WHOLE, COMPRESSED = "whole", "compressed"
"""How it is stored: as torch writes it, or that compressed."""
MEASURED = ("val_loss", "val_acc", "sparsity", "live_parameters")
"""What of an epoch's record a manifest tells, as far as there is."""
SAME: tuple[str, ...] = (
    "config",
    "sources",
    "versions",
    "device",
    "threads",
    "ranks",
    "micro_batch",
)
SAME += ("data_fingerprint",)
"""What must be as it was, of what is known of a trial's origin, for its numbers to be."""


class SnapshotError(UserError):
    """A snapshot is damaged, or not one of this trial as it would be trained now."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on the disk: the `path` of what tells of it, and that: see `save`."""

    path: Path
    about: Record

    @property
    def epoch(self) -> int:
        """How many epochs were complete."""
        return int(self.about["epoch"])

    @property
    def file(self) -> Path:
        """Where the position is."""
        return self.path.with_suffix(".pt")

    def check_same(self, origin: Mapping[str, Any]) -> None:
        """Raise SnapshotError unless a trial of this `origin` would compute what this one did."""
        then = self.about["made"]
        for name in SAME:
            if (name in then or name in origin) and then.get(name) != origin.get(name):
                raise SnapshotError(f"{self.path}: made with other {name.replace('_', ' ')}")

    def read(self) -> dict[str, Any]:
        """What it holds: `position` and `history`. Raises SnapshotError if the file is damaged."""
        try:
            data = self.file.read_bytes()
        except OSError as error:
            raise SnapshotError(f"{self.file}: {error.strerror}") from error
        if digest(data) != self.about["sha256"]:
            raise SnapshotError(f"{self.file}: damaged: its checksum is not that in {self.path}")
        try:
            found: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
        except (pickle.UnpicklingError, RuntimeError) as error:
            line = str(error).strip().splitlines()[0]
            raise SnapshotError(f"{self.file}: not plain data for this machine ({line})") from None
        return found

    def restore(self, trainer: Trainer, content: dict[str, Any]) -> list[Record]:
        """Bring a fresh `trainer` to what was read, which is used up; the records up to there.

        Raises SnapshotError if it is of a run that this one is not, which is then of no use.
        """
        try:
            restore(trainer, content["position"])
        except RunStateMismatch as error:
            raise SnapshotError(f"{self.path}: not of this trial: {error}") from error
        history: list[Record] = content["history"]
        return history

    def remove(self) -> None:
        """Remove it, so that at no time a part of it passes for the whole."""
        self.path.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class SnapshotContext:
    """Why one is taken, of what origin (as results have it), and whether to `compress` it."""

    made: Mapping[str, Any]
    reason: str = ""
    compress: bool = False


def save(
    folder: Path, trainer: Trainer, history: Sequence[Record], occasion: SnapshotContext
) -> Snapshot:
    """Write where `trainer` is, at the end of the last epoch of `history`, into `folder`.

    `check_same` compares some of the origin. The file beside it tells of all that, in JSON: how it
    is stored, epoch, step, changes of structure, the last record's loss, accuracy and sparsity, and
    the shapes of all tensors.
    """
    run = trainer.run
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"epoch_{run.epoch:05}.json"
    path.unlink(missing_ok=True)  # one of the same name is no more, before its file changes
    found = capture(trainer)
    content = {"position": found, "history": list(history)}
    last = history[-1]
    measured = {name: last[name] for name in MEASURED if name in last}
    about = {
        **write_content(path, content, occasion.compress),
        "epoch": run.epoch,
        "step": run.step,
        "reason": occasion.reason,
        "changes": run.method.changes(run),
        **measured,
        "tensors": {name: list(tensor.shape) for name, tensor in found["tensors"].items()},
        "made": dict(occasion.made),
    }
    write_manifest(path, about)
    return Snapshot(path, about)


def write_content(path: Path, content: Mapping[str, Any], compress: bool = False) -> Record:
    """Write the file of a snapshot that `path` is to tell of; what it has to say of that file."""
    file = path.with_suffix(".pt")
    tensor_files.write(file, content, compress)
    data = file.read_bytes()
    stored = {"as": COMPRESSED if compress else WHOLE}
    return {"format": FORMAT, "bytes": len(data), "sha256": digest(data), "stored": stored}


def digest(data: bytes) -> str:
    """The checksum, in hex."""
    return hashlib.sha256(data).hexdigest()


def write_manifest(path: Path, about: Record) -> None:
    """Write what tells of a snapshot, whole or not at all, and onto the disk."""
    atomic_write(path, json.dumps(about, indent=1) + "\n", sync=True)


def load(path: Path) -> Snapshot:
    """The snapshot that the file at `path`, either of the two, is part of; not yet its tensors.

    Raises SnapshotError if there is none, or none that this version can read.
    """
    told = path.with_suffix(".json")
    try:
        about = json.loads(told.read_text())
        if about["format"] != FORMAT:
            raise SnapshotError(f"{told}: {about['format']!r}: must be {FORMAT!r}")
    except OSError as error:
        raise SnapshotError(f"{told}: {error.strerror}; a snapshot is epoch_N.json") from error
    except (ValueError, LookupError, TypeError) as error:
        raise SnapshotError(f"{told}: not what tells of a snapshot, or damaged") from error
    return Snapshot(told, about)


def list_snapshots(folder: Path) -> list[Path]:
    """What tells of each snapshot in `folder`, the earliest first."""
    return sorted(folder.glob("epoch_*.json"))
