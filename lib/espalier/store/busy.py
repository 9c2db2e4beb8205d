"""Wait for a store that another program has locked, in short steps, and say who that is."""

from __future__ import annotations

import math
import os
import shlex
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from espalier.core.errors import UserError

LOCKS = Path("/proc/locks")
STEP = 0.05
"""Seconds between two attempts; SQLite's own waiting would not let Ctrl-C through."""
QUIET = 1.0
"""Seconds to wait before saying so."""
READER = 30.0
"""Seconds that a reader waits; a runner waits as long as it takes."""
AFTER_STOP = 3.0
"""Seconds that a runner waits on after a request to stop."""
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

T = TypeVar("T")


class StoreBusyError(UserError):
    """Another program has locked a store. Nothing is wrong with it."""


def is_busy(error: BaseException) -> bool:
    """Return whether an error of SQLite only says that another program has locked the file."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _LOCKED


class Patience:
    """How long to wait for the lock of one store: `limit` seconds, less once `stopping` says so.

    Who has given up once does not wait again.
    """

    def __init__(self, path: Path, limit: float = READER) -> None:
        """Wait for the file `path`."""
        self.path, self.limit = path, limit
        self.stopping: Callable[[], bool] = lambda: False
        self._given_up = False

    def wait(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, once the file is not locked. Raises StoreBusyError."""
        began, stopped, said = time.monotonic(), math.inf, False
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                now = time.monotonic()
                stopped = min(stopped, now if self.stopping() else math.inf)
                if self._given_up or now - began > self.limit or now - stopped > AFTER_STOP:
                    self._given_up = True
                    raise busy_error(self.path) from error
                if now - began > QUIET and not said:
                    said = True
                    print(f"note: {locked_by(self.path)}; waiting", file=sys.stderr, flush=True)
            time.sleep(STEP)


def busy_error(path: Path) -> StoreBusyError:
    """Return the error that ends the waiting."""
    return StoreBusyError(
        f"{locked_by(path)}; nothing in it is damaged or lost: end that program and try again"
    )


def locked_by(path: Path) -> str:
    """Return `.../sweep.db: locked by process 4711 (sqlite3)`."""
    names = ", ".join(f"process {pid} ({_name(pid)})" for pid in holders(path))
    return f"{path}: locked by {names or f'another program (try: fuser {shlex.quote(str(path))})'}"


def holders(path: Path) -> list[int]:
    """Return the other processes that hold a lock of SQLite on the file or on its index.

    Those that lock it against writers come first and alone, if there are any.
    """
    files = {place for name in (path, Path(f"{path}-shm")) if (place := _device_and_inode(name))}
    locks = [(mode, pid) for mode, pid, file in _locks() if file in files and pid != os.getpid()]
    writers = sorted({pid for mode, pid in locks if mode == "WRITE"})
    return writers or sorted({pid for _, pid in locks})


def _locks() -> Iterator[tuple[str, int, str]]:
    """Yield mode, process and `device:inode` of the locks that this machine knows of."""
    try:
        lines = LOCKS.read_text(encoding="ascii", errors="replace").split("\n")
    except OSError:
        return
    for line in lines:
        words = [word for word in line.split() if word != "->"]
        if len(words) > 5 and words[1] in ("POSIX", "OFDLCK") and int(words[4]) > 0:
            yield words[3], int(words[4]), words[5]


def _device_and_inode(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"


def _name(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "of unknown name"
    return "".join(letter if letter.isprintable() else "?" for letter in text)
