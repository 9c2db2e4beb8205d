"""A node's side of files: a folder of its own to work in, and paths that are the driver's outside.

What a worker is given has the node's paths, and what it says gets the driver's again, so that
results are the same wherever a trial ran.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from espalier.core import strict_json
from espalier.core.trees import own_trees
from espalier.core.trial import LOG, Action, Task, Trial
from espalier.run.ray import node_files
from espalier.run.ray.courier import Parcel
from espalier.run.ray.needed_paths import Get, NamedPath
from espalier.run.ray.node_files import FolderChanges, LogReader, Stamp
from espalier.run.ray.runtime_env import ENTRY, KNOBS, TREES
from espalier.run.ray.vanishing_folder import VanishingFolder
from espalier.scripts import command_template

TRIALS = "trials"
"""The folder of what the task at work writes. On some disks removing it takes milliseconds."""
NEEDED = "needed"
"""The folder, beside what a node was given, of files from the object store; all slots share it."""


@dataclass
class _Folder:
    """A trial's folder here: what it held when it was last looked at, and how much of its log."""

    path: Path
    log: LogReader
    stamps: dict[str, Stamp] = field(default_factory=dict)


class NodeHome:
    """Where the tasks of one slot work on a node: a temporary folder, gone when its process is."""

    def __init__(self, places: Mapping[str, str], get: Get) -> None:
        """`places` are those of a `Shipment`, in the current folder; `get` is `ray.get`.

        The environment of this process gets the trees outside that the driver has.
        """
        self._given, self._get = Path.cwd(), get
        self._own = VanishingFolder()
        self.folder = self._own.path
        self._places = {text: str(self._given / place) for text, place in places.items()}
        _use(self._given, [*places.values()])
        self._left, self._remover = itertools.count(), ThreadPoolExecutor(1)
        self._folders: dict[int, _Folder] = {}
        self._moved: dict[str, str] = {}
        self._resolved: dict[NamedPath, str] = {}

    def enter(self, parcel: Parcel) -> Task:
        """Return the task of a parcel with this node's paths, all that it needs being there.

        Raises OSError.
        """
        self.leave()
        task = Task.from_json(parcel.task)
        self._moved = dict(self._places)
        here = tuple(self.folder / TRIALS / folder.name for folder in task.directories)
        for trial, path, changes in zip(task.trials, here, parcel.folders, strict=True):
            path.mkdir(parents=True, exist_ok=True)
            node_files.write(path, changes)
            stamps = node_files.stamps(path) if task.action is Action.TRAIN else {}
            self._folders[trial.number] = _Folder(path, LogReader(path / LOG), stamps)
        self._moved |= zip(map(str, task.directories), map(str, here), strict=True)
        return self._translated(replace(task, directories=here), parcel.needed)

    def homeward(self, line: bytes) -> bytes:
        """Return a line of JSON with the driver's paths in place of this node's."""
        back = {here: there for there, here in self._moved.items()}
        for here, there in node_files.replaced(back, lambda text: strict_json.encode(text)[1:-1]):
            line = line.replace(here, there)
        return line

    def changes(self, number: int, ended: bool) -> FolderChanges:
        """Return what a trial has left since this was last called: all of it once it has ended.

        Before that snapshots and its log.
        """
        folder = self._folders[number]
        now = node_files.stamps(folder.path)
        now.pop(LOG, None)
        counts = {n for n in {*now, *folder.stamps} if ended or node_files.in_progress(n)}
        new = (
            name
            for name, stamp in now.items()
            if name in counts and folder.stamps.get(name) != stamp
        )
        changes = node_files.read(folder.path, new)
        removed = tuple(sorted(counts & folder.stamps.keys() - now.keys()))
        folder.stamps |= {name: stamp for name, stamp in now.items() if name in counts}
        for name in removed:
            del folder.stamps[name]
        return replace(changes, removed=removed, log=folder.log.read())

    def leave(self) -> None:
        """Remove what the last task has left here, while the next one begins."""
        if self._folders:
            gone = self.folder / f"gone{next(self._left)}"
            (self.folder / TRIALS).rename(gone)
            self._remover.submit(shutil.rmtree, gone, ignore_errors=True)
        self._folders.clear()

    def close(self) -> None:
        """Remove all that was written for this slot alone."""
        self._remover.shutdown()
        self._own.remove()

    def _translated(self, task: Task, needed: Mapping[NamedPath, Any]) -> Task:
        """Return a task whose values name this node's paths."""
        here = {path: self._resolve(path, reference) for path, reference in needed.items()}
        self._moved |= {path.text: place for path, place in here.items()}
        everywhere = {path.text: place for path, place in here.items() if not path.symbol}
        at = {(path.symbol, path.text): place for path, place in here.items() if path.symbol}
        values = _Values(self._places | everywhere, at)
        trials = tuple(values.of_trial(trial) for trial in task.trials)
        return replace(task, trials=trials, settings=values.of(task.settings))

    def _resolve(self, path: NamedPath, reference: Any) -> str:
        if path not in self._resolved:
            files = self._get(reference)
            self._resolved[path] = str(files.resolve(self._given / NEEDED, self._get))
        return self._resolved[path]


@dataclass(frozen=True)
class _Values:
    """This node's paths: for texts wherever they are the value, and for those of one symbol."""

    everywhere: Mapping[str, str]
    at: Mapping[tuple[str, str], str]

    def of(self, config: Mapping[str, str]) -> dict[str, str]:
        return {name: self._of(name, text) for name, text in config.items()}

    def of_trial(self, trial: Trial) -> Trial:
        return replace(trial, config=self.of(trial.config), swept=self.of(trial.swept))

    def _of(self, name: str, text: str) -> str:
        if name == command_template.SCRIPT:
            for there, here in self.everywhere.items():
                text = text.replace(there, here)
            return text
        return self.at.get((name, text)) or self.everywhere.get(text, text)


def _use(given: Path, places: Sequence[str]) -> None:
    """Make trees outside, symbols without code and an entry's module those of this process."""
    trees = [str(given / place) for place in places if place.startswith(f"{TREES}/")]
    own_trees.use(":".join(trees))
    own_trees.use_knobs(given / KNOBS if KNOBS in places else None)
    if ENTRY in places:
        folders = [str(given / ENTRY), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
