"""Files outside of a trial's folder that it reads: its data set, and the weights it starts from.

A node that has them at the same path, with the same content, reads them there: a shared file
system, or copies. Others get them through Ray's object store, once a node.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from espalier.core import component
from espalier.core.file_digest import kept_sha256
from espalier.core.paths import BASE
from espalier.core.trial import Task
from espalier.datasets import sample_counts
from espalier.plan.outside_files import weights_file
from espalier.plan.sensible_runs import DATA_DIR
from espalier.run.ray.node_files import plain_files, write_file
from espalier.scripts import command_template, script_identity

DATASET = component.KINDS["dataset"][1]
LARGEST, MOST_FILES = 4 << 30, 20_000
"""The bytes and files of a path that go through the object store: a node must have more itself."""
LOCK = ".lock"

Put = Callable[[Any], Any]
"""Keeps an object where nodes can get it, and returns a reference: `ray.put`."""
Get = Callable[[Any], Any]
"""Returns the object of a reference: `ray.get`."""


class NamedPath(NamedTuple):
    """A path that the configuration of a trial names, and which `parts` of it are needed.

    `text` is how it stands there, `symbol` where; empty: as whatever value. `origin` is the path
    on the driver.
    """

    text: str
    symbol: str
    origin: str
    parts: tuple[str, ...] = ("",)


class NeededFile(NamedTuple):
    """The SHA-256 of a file, and the reference to its bytes; None if a node must have it."""

    digest: str
    reference: Any


@dataclass(frozen=True)
class NeededFiles:
    """What is needed of the path `origin`: of a folder files by their paths in it, else itself."""

    origin: str
    files: Mapping[str, NeededFile]

    def resolve(self, cache: Path, get: Get) -> Path:
        """Return where this node has it: at its path on the driver, or in the folder `cache`.

        What it has at neither is put into `cache`, unless it is too large for the object store.
        Raises OSError.
        """
        origin, files = Path(self.origin), self.files.values()
        if any(file.reference is None for file in files) or self._is_at(origin):
            return origin
        top = cache / hashlib.sha256(self.origin.encode()).hexdigest()[:16]
        place = top / PurePosixPath(self.origin).name
        with _locked(top):
            for name, file in self.files.items():
                if not _is_same(place / name, file.digest):
                    write_file(place / name, get(file.reference))
        return place

    def _is_at(self, place: Path) -> bool:
        return all(_is_same(place / name, file.digest) for name, file in self.files.items())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _is_same(path: Path, digest: str) -> bool:
    with suppress(OSError):
        return kept_sha256(path) == digest
    return False


class NeededPaths:
    """On the driver: what tasks need, each file read and put once."""

    def __init__(self, put: Put) -> None:
        """Files are put by `put` when a task first needs them."""
        self._put = put
        self._reference = functools.cache(self._put_files)

    def of(self, task: Task) -> dict[NamedPath, Any]:
        """Return references to the `NeededFiles` of a task's paths, where the driver has any.

        Raises OSError.
        """
        named = dict.fromkeys(path for part in task.split() for path in _named(part))
        references = {path: self._reference(path) for path in named}
        return {path: reference for path, reference in references.items() if reference is not None}

    def _put_files(self, path: NamedPath) -> Any:
        names = list(_names(Path(path.origin), path.parts))
        size = sum(Path(path.origin, name).stat().st_size for name in names)
        fits = size <= LARGEST and len(names) <= MOST_FILES
        files = {name: self._put_file(Path(path.origin, name), fits) for name in names}
        return self._put(NeededFiles(path.origin, files)) if files else None

    def _put_file(self, path: Path, fits: bool) -> NeededFile:
        return NeededFile(kept_sha256(path), self._put(path.read_bytes()) if fits else None)


def _names(origin: Path, parts: tuple[str, ...]) -> Iterator[str]:
    """Yield the files among the `parts` of a path, as paths in it, "" for itself."""
    for part in parts:
        top = origin / part
        if top.is_file():
            yield part
        for name in plain_files(top):
            if not PurePosixPath(name).name.startswith("."):
                yield str(PurePosixPath(part, name))


def _named(task: Task) -> Iterator[NamedPath]:
    """Yield the paths that a task of one trial names."""
    config, settings = task.trial.config, task.settings
    if script_identity.is_of_programs(settings):
        yield from _of_command(task)
        return
    if start := config.get(weights_file.FILE):
        yield NamedPath(start, weights_file.FILE, _absolute(start))
    if DATASET not in config or DATA_DIR not in settings:
        return
    parts = sample_counts.data_files(config[DATASET], config)
    inner = [part for part in ([""] if parts is None else parts) if not Path(part).is_absolute()]
    yield NamedPath(settings[DATA_DIR], DATA_DIR, _absolute(settings[DATA_DIR]), tuple(inner))
    for part in parts or ():
        if Path(part).is_absolute():
            yield NamedPath(part, "", part)


def _of_command(task: Task) -> Iterator[NamedPath]:
    """Yield the files in the command of a trial that lie outside of its folder."""
    config, settings = task.trial.config, task.settings
    script = script_identity.identify([config], settings)
    folder = Path(settings[command_template.FOLDER])
    for path in script.files:
        if command_template.find_file(str(path), folder) is None:
            yield NamedPath(str(path), "", str(path))


def _absolute(text: str) -> str:
    return str((BASE / text).absolute())
