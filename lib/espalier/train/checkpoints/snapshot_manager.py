"""The snapshots of one trial: when to take them, which to keep, and resuming from the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from espalier.core import component, revision
from espalier.core.component import symbol
from espalier.core.records import Provenance
from espalier.core.trial import RUNG, SNAPSHOTS, Record, Task
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.snapshot_files import Snapshot, SnapshotContext, SnapshotError
from espalier.train.engine.early_stopping import NetworkSize
from espalier.train.engine.trainer import Trainer

FOLDER = SNAPSHOTS
EPOCH, EVENT = "epoch", "event"
"""The reason for a snapshot: its epoch was due, or the network's structure had changed.

That of one with which a trial pauses is RUNG, unless it is due anyway."""


@kconfig_dataclass
class SnapshotPlan:
    """Snapshots `every` so many epochs (0: none; None: a plan that has no such symbol)."""

    every: int | None = symbol("SNAPSHOT_EVERY")
    events: bool | None = symbol("SNAPSHOT_EVENTS")
    keep: int | None = symbol("SNAPSHOT_KEEP")
    best: bool | None = symbol("SNAPSHOT_BEST")
    compress: bool | None = symbol("SNAPSHOT_COMPRESS")

    def reason(self, epoch: int, changed: bool) -> str:
        """Return why a snapshot is due at the end of `epoch`; empty if none is."""
        if self.events and changed:
            return EVENT
        return EPOCH if self.every and epoch % self.every == 0 else ""

    def select_kept(self, snapshots: Sequence[Snapshot]) -> set[Path]:
        """Return the paths of those `snapshots`, the earliest first, that stay."""
        kinds = [[s for s in snapshots if s.manifest["reason"] == why] for why in (EPOCH, EVENT)]
        stay = [s for kind in kinds for s in (kind[-self.keep :] if self.keep else kind)]
        stay += [s for s in snapshots if s.manifest["reason"] == RUNG][-1:]
        if self.best and snapshots:
            stay.append(_best(snapshots))
        return {snapshot.path for snapshot in stay}


def _best(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return that of least validation loss since the last pruning, as in `early_stopping`."""
    best = snapshots[0]
    for snapshot in snapshots[1:]:
        new, old = snapshot.manifest, best.manifest
        pruned = NetworkSize.of(new).pruned_from(NetworkSize.of(old))
        if pruned or new["val_loss"] < old["val_loss"]:
            best = snapshot
    return best


class SnapshotManager:
    """The snapshots of a trial that is being trained."""

    def __init__(self, task: Task, provenance: Callable[[], Provenance]) -> None:
        """Take the task, and what returns the provenance of its result so far."""
        self._task, self._provenance = task, provenance
        self._plan = component.build(SnapshotPlan, Config(task.settings), "")
        self._changes = 0

    @property
    def _made(self) -> Record:
        return {**self._provenance().as_json(), "sources": revision.sources()}

    @property
    def _folder(self) -> Path:
        return self._task.directory / FOLDER

    def resume(self, trainer: Trainer) -> tuple[Snapshot | None, list[Record]]:
        """Bring a fresh `trainer` to the last snapshot that is whole and of this very trial.

        Return it and the records up to there; None and no records if there is none.
        Raises SnapshotError if a snapshot is whole, says that it is of this trial, and is not.
        """
        paths = [] if self._plan.every is None else snapshot_files.list_snapshots(self._folder)
        for path in reversed(paths):
            snapshot = None
            try:
                snapshot = snapshot_files.load(path)
                snapshot.check_same(self._made)
                content = snapshot.read()
            except SnapshotError as error:
                if snapshot and "branch" in snapshot.manifest:
                    raise  # a branch must not begin anywhere else
                print(f"note: not gone on from: {error}", flush=True)
                continue
            history = snapshot.restore(trainer, content)
            print(f"going on from {path.name}, after epoch {snapshot.epoch}", flush=True)
            self._changes = trainer.run.method.changes(trainer.run)
            return snapshot, history
        return None, []

    def after_epoch(self, trainer: Trainer, history: Sequence[Record]) -> None:
        """Take a snapshot if one is due after an epoch that is not the last, or the run pauses."""
        run, before = trainer.run, self._changes
        self._changes = run.method.changes(run)
        reason = self._plan.reason(run.epoch, self._changes != before) or RUNG * trainer.paused
        if reason and self._task.rank == 0:
            context = SnapshotContext(self._made, reason, bool(self._plan.compress))
            snapshot_files.save(self._folder, trainer, history, context)
            self._remove_surplus(run.epoch)

    def _remove_surplus(self, epoch: int) -> None:
        """Remove what need not stay, and what is later than now: of an abandoned attempt."""
        snapshots = []
        for path in snapshot_files.list_snapshots(self._folder):
            with suppress(SnapshotError):
                snapshots.append(snapshot_files.load(path))
        stay = self._plan.select_kept([s for s in snapshots if s.epoch <= epoch])
        for snapshot in snapshots:
            if snapshot.path not in stay:
                snapshot.remove()
