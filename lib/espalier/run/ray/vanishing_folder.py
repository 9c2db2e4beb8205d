"""Temporary folders that go with the process that made them, even when it is killed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_JANITOR = 'exec 3<&0; ( cat <&3; sleep 1; rm -rf -- "$1" ) >/dev/null 2>&1 &'
"""A process that removes a folder once no process can write to its input any more."""


class VanishingFolder:
    """A temporary folder, removed after this process has ended, however it did."""

    def __init__(self, above: str | None = None) -> None:
        """Make it in the folder `above`, by default in that for temporary files. Raises OSError."""
        self.path = Path(tempfile.mkdtemp(prefix="espalier-", dir=above))
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", _JANITOR, "janitor", str(self.path)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._janitor.wait()  # it has left a process of its own, which need not be waited for

    def remove(self) -> None:
        """Remove it now."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._janitor.stdin is not None:
            self._janitor.stdin.close()


@contextmanager
def vanishing(above: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder that ends with this block, or this process. Raises OSError."""
    folder = VanishingFolder(above)
    try:
        yield folder.path
    finally:
        folder.remove()
