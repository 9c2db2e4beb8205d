"""Snapshots: files that a run goes on from exactly, also in another process and after a crash.

A snapshot is `epoch_00012.pt`, the run's position and its records so far, and beside it
`epoch_00012.json`, which says what it is and has its checksum. The second is written when the first
is safe on the disk, so a snapshot is there whole or not at all; reading one runs no code. With
CONFIG_SNAPSHOT_DELTA a position is compressed, and may be the difference from an earlier one that
is not: what tells of it says so, and names that one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from espalier.errors import UserError
from espalier.train import deltas, tensor_files
from espalier.train.deltas import Content
from espalier.train.position import DoesNotFit, position, take_up
from espalier.train.trainer import Trainer
from espalier.trial import Record

FORMAT, COMPRESSED = "espalier snapshot 1", "espalier snapshot 2"
WHOLE, SMALL_WHOLE, DELTA = "whole", "whole, compressed", "difference"
"""How it is stored: as torch writes it, or by deltas.py."""
MEASURED = ("val_loss", "val_acc", "sparsity", "live_parameters")
"""What of an epoch's record a manifest tells, as far as there is."""
WORTH = 0.9
"""A difference that is not smaller than this part of the whole is not worth resting on another."""
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

    @property
    def base(self) -> Path | None:
        """What tells of the one that this is the difference from; None if this is whole."""
        name = self.about.get("stored", {}).get("base")
        return self.path.with_name(name) if name else None

    def check_same(self, origin: Mapping[str, Any]) -> None:
        """Raise SnapshotError unless a trial of this `origin` would compute what this one did."""
        then = self.about["made"]
        for name in SAME:
            if (name in then or name in origin) and then.get(name) != origin.get(name):
                raise SnapshotError(f"{self.path}: made with other {name.replace('_', ' ')}")

    def read(self) -> Content:
        """What it holds: `position` and `history`. Raises SnapshotError if the file is damaged.

        Or if that is which it is the difference from, or if they do not give what was written.
        """
        found = self._in_file()
        if self.about["format"] == FORMAT:
            return found
        base = None if self.base is None else self._read_base(self.base)
        try:
            return deltas.decode(found, self.about["stored"]["content_sha256"], base)
        except deltas.DamagedError as error:
            raise SnapshotError(f"{self.file}: damaged: {error}") from error

    def _in_file(self) -> dict[str, Any]:
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

    def _read_base(self, path: Path) -> Content:
        try:
            base = load(path)
            if base.base or base.about["sha256"] != self.about["stored"]["base_sha256"]:
                raise SnapshotError(f"{path}: not the one that it was")
            return base.read()
        except SnapshotError as error:
            raise SnapshotError(f"{self.path}: a difference; it needs {error}") from error

    def restore(self, trainer: Trainer, content: dict[str, Any]) -> list[Record]:
        """Bring a fresh `trainer` to what was read, which is used up; the records up to there.

        Raises SnapshotError if it is of a run that this one is not, which is then of no use.
        """
        try:
            take_up(trainer, content["position"])
        except DoesNotFit as error:
            raise SnapshotError(f"{self.path}: not of this trial: {error}") from error
        history: list[Record] = content["history"]
        return history

    def remove(self) -> None:
        """Remove it, so that at no time a part of it passes for the whole."""
        self.path.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Occasion:
    """Why one is taken, of what origin (as results have it), and whether it is to be `small`."""

    made: Mapping[str, Any]
    reason: str = ""
    small: bool = False


def save(folder: Path, trainer: Trainer, history: Sequence[Record], occasion: Occasion) -> Snapshot:
    """Write where `trainer` is, at the end of the last epoch of `history`, into `folder`.

    `check_same` compares some of the origin. The file beside it tells of all that, in JSON: how it
    is stored, epoch, step, changes of structure, the last record's loss, accuracy and sparsity, and
    the shapes of all tensors.
    """
    run = trainer.run
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"epoch_{run.epoch:05}.json"
    path.unlink(missing_ok=True)  # one of the same name is no more, before its file changes
    found = position(trainer)
    content = {"position": found, "history": list(history)}
    last = history[-1]
    measured = {name: last[name] for name in MEASURED if name in last}
    about = {
        **(write_small(path, content) if occasion.small else write_whole(path, content)),
        "epoch": run.epoch,
        "step": run.step,
        "reason": occasion.reason,
        "changes": run.method.changes(run),
        **measured,
        "tensors": {name: list(tensor.shape) for name, tensor in found["tensors"].items()},
        "made": dict(occasion.made),
    }
    write_about(path, about)
    return Snapshot(path, about)


def write_whole(path: Path, content: Content) -> Record:
    """Write the file of a snapshot that `path` is to tell of; what it has to say of that file."""
    return _written(path, content, FORMAT, {"as": WHOLE})


def write_small(path: Path, content: Content) -> Record:
    """The same, compressed, and as the difference from the last whole one if that is worth it.

    If that one is damaged there is none. `part` is how large this is, the compressed whole being 1.
    """
    whole, base = deltas.encode(content), _last_whole(path)
    stored = {"as": SMALL_WHOLE, "content_sha256": whole.sha256, "bytes_whole": whole.size}
    delta = None if base is None else deltas.encode(content, base[1])
    if base is None or delta is None or delta.size >= WORTH * whole.size:
        return _written(path, whole.record(), COMPRESSED, {**stored, "part": 1.0})
    stored |= {"as": DELTA, "part": round(delta.size / whole.size, 4)}
    stored |= {"base": base[0].path.name, "base_sha256": base[0].about["sha256"]}
    return _written(path, delta.record(), COMPRESSED, stored)


def _last_whole(path: Path) -> tuple[Snapshot, Content] | None:
    """Of those beside and before the one that `path` is to tell of, if it is not damaged."""
    for earlier in reversed(found_in(path.parent)):
        with suppress(SnapshotError):
            if earlier.name < path.name and (found := load(earlier)).base is None:
                return found, found.read()
    return None


def _written(path: Path, record: Mapping[str, Any], form: str, stored: Record) -> Record:
    file = path.with_suffix(".pt")
    tensor_files.write(file, record)
    data = file.read_bytes()
    return {"format": form, "bytes": len(data), "sha256": digest(data), "stored": stored}


def digest(data: bytes) -> str:
    """The checksum, in hex."""
    return hashlib.sha256(data).hexdigest()


def write_about(path: Path, about: Record) -> None:
    """Write what tells of a snapshot, whole or not at all, and onto the disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(json.dumps(about, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path) -> Snapshot:
    """The snapshot that the file at `path`, either of the two, is part of; not yet its tensors.

    Raises SnapshotError if there is none, or none that this version can read.
    """
    told = path.with_suffix(".json")
    try:
        about = json.loads(told.read_text())
        if about["format"] not in (FORMAT, COMPRESSED):
            rule = f"must be {FORMAT!r} or {COMPRESSED!r}"
            raise SnapshotError(f"{told}: {about['format']!r}: {rule}")
    except OSError as error:
        raise SnapshotError(f"{told}: {error.strerror}; a snapshot is epoch_N.json") from error
    except (ValueError, LookupError, TypeError) as error:
        raise SnapshotError(f"{told}: not what tells of a snapshot, or damaged") from error
    return Snapshot(told, about)


def found_in(folder: Path) -> list[Path]:
    """What tells of each snapshot in `folder`, the earliest first."""
    return sorted(folder.glob("epoch_*.json"))
