"""The SHA-256 of a file, which may be read once for many that ask."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kept_sha256(path: Path) -> str:
    """Return what `file_sha256` does, without reading a file again that is as it was.

    A file counts as changed by its size, or the time of its last change. Raises OSError.
    """
    change = path.stat()
    return _sha256(path, change.st_mtime_ns, change.st_size)


@functools.lru_cache(maxsize=1024)
def _sha256(path: Path, changed: int, size: int) -> str:
    del changed, size  # another file at the same place has others
    return file_sha256(path)
