"""The file system that a path is on, and whether SQLite and locks can be relied on there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
"""The mounts as Linux lists them; elsewhere there is no such file, and nothing is known."""

NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "9p", "vboxsf", "prl_fs"),
    *("lustre", "gpfs", "beegfs", "panfs", "pvfs2", "orangefs", "gfs2", "ocfs2", "virtiofs"),
}
"""File systems that several machines may have mounted, or whose host has the files open too."""

_LOCAL_FUSE = ("fuse.fuse-overlayfs", "fuse.bindfs", "fuse.ntfs-3g", "fuse.mergerfs")
_OCTAL = re.compile(r"\\([0-7]{3})")


class FileSystem(NamedTuple):
    """A mounted file system: its kind (`ext4`), where it is mounted, and what is mounted there."""

    kind: str
    mount: str
    source: str

    @property
    def network(self) -> bool:
        """Whether other machines may use its files at the same time.

        SQLite's write-ahead log needs memory that all of its users share, so it fails there.
        """
        remote = self.kind.startswith("fuse.") and self.kind not in _LOCAL_FUSE
        return remote or self.kind in NETWORK

    def __str__(self) -> str:
        """Return `nfs4 at /home (server:/export/home)`."""
        return f"{self.kind} at {self.mount} ({self.source})"


UNKNOWN = FileSystem("an unknown file system", "/", "?")


def of(path: Path) -> FileSystem:
    """Return the file system of `path`, which need not exist."""
    place = os.fsencode(os.path.realpath(path))
    best = UNKNOWN, b""
    for system in _mounted():
        mount = os.fsencode(system.mount)
        inside = place == mount or place.startswith(mount.rstrip(b"/") + b"/")
        if inside and len(mount) >= len(best[1]):  # of two on one folder the later one is on top
            best = system, mount
    return best[0]


def _mounted() -> Iterator[FileSystem]:
    try:
        lines = os.fsdecode(MOUNTS.read_bytes()).split("\n")
    except OSError:
        return
    for line in lines:
        before, separator, after = line.partition(" - ")
        if separator:
            kind, source, *_ = [*after.split(" "), "?"]
            yield FileSystem(kind, _unescaped(before.split(" ")[4]), _unescaped(source))


def _unescaped(text: str) -> str:
    """Return a field of the list, in which a blank is written as `\\040`."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
