"""The snapshots of one trial: when they are taken, which are kept, and going on from the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from espalier.core import component, revision
from espalier.core.component import symbol
from espalier.core.records import Provenance
from espalier.core.trial import Record, Task
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.snapshot_files import Snapshot, SnapshotError, SnapshotReason
from espalier.train.early_stopping import NetworkSize
from espalier.train.trainer import Trainer

FOLDER = "snapshots"
EPOCH, EVENT = "epoch", "event"
"""Why one was taken: its epoch's turn had come, or the network's structure had changed."""


@kconfig_dataclass
class SnapshotPlan:
    """Snapshots `every` so many epochs (0: none; None: a plan from before there were any)."""

    every: int | None = symbol("SNAPSHOT_EVERY")
    events: bool | None = symbol("SNAPSHOT_EVENTS")
    keep: int | None = symbol("SNAPSHOT_KEEP")
    best: bool | None = symbol("SNAPSHOT_BEST")
    compress: bool | None = symbol("SNAPSHOT_COMPRESS")

    def reason(self, epoch: int, changed: bool) -> str:
        """Why to take one at the end of `epoch`, in which the structure may have `changed`."""
        if self.events and changed:
            return EVENT
        return EPOCH if self.every and epoch % self.every == 0 else ""

    def kept(self, found: Sequence[Snapshot]) -> set[Path]:
        """Those of `found`, the earliest first, that stay."""
        kinds = [[s for s in found if s.about["reason"] == why] for why in (EPOCH, EVENT)]
        stay = [one for kind in kinds for one in (kind[-self.keep :] if self.keep else kind)]
        if self.best and found:
            stay.append(_best(found))
        return {one.path for one in stay}


def _best(found: Sequence[Snapshot]) -> Snapshot:
    """The least validation loss since the network was last pruned further, as in `stopping`.

    One that grows becomes less sparse, which does not count against it.
    """
    best = found[0]
    for one in found[1:]:
        pruned = NetworkSize.of(one.about).pruned_from(NetworkSize.of(best.about))
        if pruned or one.about["val_loss"] < best.about["val_loss"]:
            best = one
    return best


class SnapshotManager:
    """The snapshots of a trial that is being trained."""

    def __init__(self, task: Task, origin: Callable[[], Provenance]) -> None:
        """`origin` gives what its result will say of where it comes from."""
        self._task, self._origin = task, origin
        self._plan = component.build(SnapshotPlan, Config(task.settings), "")
        self._changes = 0

    @property
    def _made(self) -> Record:
        return {**self._origin().as_json(), "sources": revision.sources()}

    @property
    def _folder(self) -> Path:
        return self._task.directory / FOLDER

    def resume(self, trainer: Trainer) -> tuple[Snapshot | None, list[Record]]:
        """Bring a fresh `trainer` to the last snapshot that is whole and one of this very trial.

        That one and the records up to there; None and none if there is none to go on from.
        Raises SnapshotError if a snapshot is whole, says that it is of this trial, and is not.
        """
        paths = [] if self._plan.every is None else snapshot_files.found_in(self._folder)
        for path in reversed(paths):
            snapshot = None
            try:
                snapshot = snapshot_files.load(path)
                snapshot.check_same(self._made)
                content = snapshot.read()
            except SnapshotError as error:
                if snapshot and "branch" in snapshot.about:
                    raise  # who asked for a branch did not ask for another beginning
                print(f"note: not gone on from: {error}", flush=True)
                continue
            history = snapshot.restore(trainer, content)
            print(f"going on from {path.name}, after epoch {snapshot.epoch}", flush=True)
            self._changes = trainer.run.method.changes(trainer.run)
            return snapshot, history
        return None, []

    def heed(self, trainer: Trainer, history: Sequence[Record]) -> None:
        """An epoch is over, and not the last: take a snapshot if its time has come."""
        run, before = trainer.run, self._changes
        self._changes = run.method.changes(run)
        reason = self._plan.reason(run.epoch, self._changes != before)
        if reason and self._task.rank == 0:
            occasion = SnapshotReason(self._made, reason, bool(self._plan.compress))
            snapshot_files.save(self._folder, trainer, history, occasion)
            self._thin_out(run.epoch)

    def _thin_out(self, epoch: int) -> None:
        """Remove what need not stay, and what is later than now: of an attempt given up."""
        found = []
        for path in snapshot_files.found_in(self._folder):
            with suppress(SnapshotError):
                found.append(snapshot_files.load(path))
        stay = self._plan.kept([one for one in found if one.epoch <= epoch])
        for one in found:
            if one.path not in stay:
                one.remove()
