"""The driver's side of files on nodes: what goes out with a task, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.core.process.disk_full import reported
from espalier.core.trial import Action, Record, Task
from espalier.run.ray import node_files
from espalier.run.ray.needed_paths import NamedPath, NeededPaths, Put
from espalier.run.ray.node_files import FolderChanges


@dataclass(frozen=True)
class Parcel:
    """A task as JSON with the driver's paths, what its folders hold, and other files it needs."""

    task: Record
    folders: Sequence[FolderChanges]
    needed: Mapping[NamedPath, Any]  # references to `NeededFiles`


class Courier:
    """Sends the files of tasks to nodes, and keeps in the results what comes back."""

    def __init__(self, put: Put) -> None:
        """Files that many tasks need are put by `put`, which is `ray.put`, once."""
        self._needed = NeededPaths(put)

    def outward(self, task: Task) -> Parcel:
        """Return all that a node needs for a task. Raises OSError."""
        train = task.action is Action.TRAIN
        folders = [
            node_files.outgoing(each) if train else FolderChanges() for each in task.directories
        ]
        return Parcel(task.as_json(), folders, self._needed.of(task))

    def bring_back(self, task: Task, number: int, changes: FolderChanges) -> None:
        """Keep what a trial of a task has left. Raises DiskFullError, UserError, OSError."""
        directory = folder_of(task, number)
        with reported(directory.parent):
            directory.mkdir(exist_ok=True)  # somebody may have deleted it
            node_files.write(directory, changes)


def folder_of(task: Task, number: int) -> Path:
    """Return the folder of a trial of a task."""
    numbers = [trial.number for trial in task.trials]
    return task.directories[numbers.index(number)]
