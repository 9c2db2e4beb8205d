"""Files of trials on their way between the driver's results and the folders that nodes work in.

A trial's folder goes out as it is, so that an attempt goes on from snapshots, and what a trial
leaves comes back; its log is added to what the log has. Nothing of this imports ray.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.process.disk_full import NO_SPACE
from espalier.core.process.log_files import KEPT, open_log
from espalier.core.trial import LOG, SNAPSHOTS
from espalier.store.sweep_files import METRICS
from espalier.store.trials.trial_folders import EARLIER

GIB = 1 << 30
LARGEST = 2 * GIB
"""The bytes that travel at a time, of one trial: what is beyond that is left out, which its log
says."""

Files = Mapping[str, bytes]
"""Contents of files, by their paths in a folder."""
Stamp = tuple[int, int, int]
"""What tells that a file is as it was: inode, bytes, time of its last change."""


@dataclass(frozen=True)
class FolderChanges:
    """What is new in a trial's folder: files, those that are gone, and more of its log.

    `left_out` are those that are not here, each with why.
    """

    files: Files = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    log: bytes = b""
    left_out: tuple[str, ...] = ()


def outgoing(directory: Path) -> FolderChanges:
    """Return what a fresh attempt at a trial finds in its folder, but for its log."""
    kept = (name for name in plain_files(directory) if not _stays(name))
    return read(directory, kept)


def _stays(name: str) -> bool:
    first = PurePosixPath(name).parts[0]
    return name in (LOG, METRICS) or first.startswith(EARLIER)


def plain_files(directory: Path) -> Iterator[str]:
    """Yield the paths of the plain files below a folder, as they are in it; no link is followed."""
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            with suppress(OSError):  # gone since
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path.relative_to(directory).as_posix()


def stamps(directory: Path) -> dict[str, Stamp]:
    """Return the stamp of each plain file below a folder."""
    files: dict[str, Stamp] = {}
    for name in plain_files(directory):
        with suppress(OSError):
            status = (directory / name).lstat()
            files[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return files


def read(directory: Path, names: Iterator[str]) -> FolderChanges:
    """Return the contents of files of a folder, as far as LARGEST goes."""
    files: dict[str, bytes] = {}
    left_out, room = [], LARGEST
    for name in names:
        try:
            size = (directory / name).stat().st_size
            if size > room:
                left_out.append(f"{name}: {size} bytes, of {LARGEST} that travel at a time")
                continue
            files[name] = (directory / name).read_bytes()
            room -= len(files[name])
        except FileNotFoundError:
            continue
        except OSError as error:
            left_out.append(f"{name}: {error.strerror}")
    return FolderChanges(files, left_out=tuple(left_out))


def in_progress(name: str) -> bool:
    """Return whether a file comes back while its trial runs: a whole snapshot, not its draft."""
    path = PurePosixPath(name)
    return path.parts[0] == SNAPSHOTS and not path.name.startswith(".")


def write(directory: Path, changes: FolderChanges) -> None:
    """Make the changes in a folder; its log names what the file system does not take.

    Raises UserError for a path that leads out of it, OSError for a full disk.
    """
    places = {name: _inside(directory, name) for name in (*changes.files, *changes.removed)}
    for name in changes.removed:
        with suppress(OSError):
            places[name].unlink()
    refused = []
    for name, content in changes.files.items():
        try:
            write_file(places[name], content)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            refused.append(f"{name}: {error.strerror}")
    _add_log(directory / LOG, replace(changes, left_out=(*changes.left_out, *refused)))


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the folders above it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as place:
        place.write_bytes(content)


def _add_log(path: Path, changes: FolderChanges) -> None:
    notes = "".join(f"== left on the node: {line}\n" for line in changes.left_out)
    if changes.log or notes:
        with open_log(path) as log:
            log.write(changes.log + notes.encode(errors="backslashreplace"))


def _inside(directory: Path, name: str) -> Path:
    """Return the path of a file of a folder. Raises UserError if it leads out, or over a link."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise UserError(f"{directory}: a node sent {name[:80]!a}, which is no path in it")
    place = directory
    for part in path.parts[:-1]:
        place = place / part
        if place.is_symlink():
            raise UserError(f"{place}: is a link, and no node writes over it: remove the link")
    return directory / path


class LogReader:
    """Reads what has been added to a log since it was last read."""

    def __init__(self, path: Path) -> None:
        """Nothing has been read."""
        self._path, self._start = path, 0

    def read(self) -> bytes:
        """Return what is new, without its middle if that is too much; nothing if it has no log."""
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                start, self._start = min(self._start, size), size
                file.seek(start)
                if size - start <= 2 * KEPT:
                    return file.read(size - start)
                head = file.read(KEPT)
                file.seek(size - KEPT)
                gap = size - start - 2 * KEPT
                return head + b"\n== %d bytes are left out here\n" % gap + file.read(KEPT)
        except OSError:
            return b""


def replaced(texts: Mapping[str, str], encode: Callable[[str], str]) -> list[tuple[bytes, bytes]]:
    """Return what to put for what, as bytes of encoded texts, the longest first."""
    pairs = ((encode(old).encode(), encode(new).encode()) for old, new in texts.items())
    return sorted(pairs, key=lambda pair: -len(pair[0]))
