"""Locks on folders: one runner a sweep, and one at a time that chooses or begins a sweep.

A lock is an open file that no other process has locked. It ends with the process that holds it. The
file is opened for writing, since NFS locks no file exclusively that was opened for reading.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.store import file_systems

LOCK = ".lock"
CHOICE = ".choice.lock"
"""The file that is locked while a runner chooses a sweep of this folder, or begins one."""
PATIENCE = 1.0
"""Seconds to wait for the lock, which `runner_of` holds for a moment."""
STEP = 0.02
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO)
_SAID = 500  # bytes that are read of a lock's file: who holds it


class NoLocksError(UserError):
    """The file system of a folder gives no locks."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a sweep for its runner. Raises UserError, naming the other, if one is running."""
    descriptor = _taken(folder / LOCK, PATIENCE)
    if descriptor is None:
        raise UserError(f"{folder}: {_owner(folder / LOCK)} is running this sweep; let it end")
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def choosing(folder: Path) -> Iterator[None]:
    """Make a folder and let only one runner choose or begin its sweep, so that none begins twice.

    Waits for another one, which takes as long as it takes to write a plan.
    """
    try:
        with disk_full.reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot be a folder of results ({error.strerror})"
        raise UserError(f"{folder}: {what}; name another") from error
    descriptor = _taken(folder / CHOICE, PATIENCE)
    if descriptor is None:
        print(f"note: {folder}: waiting for {_owner(folder / CHOICE)}", file=sys.stderr)
        descriptor = _taken(folder / CHOICE)
    assert descriptor is not None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Yield whether no runner has locked `folder`, and keep every runner out meanwhile."""
    descriptor = _taken(folder / LOCK, 0.0)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def runner_of(folder: Path) -> str:
    """Return the process that runs this sweep, as `process N on HOST`; empty if there is none."""
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return f"nobody, or somebody whose {path} you may not read"
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _owner(path)
    except OSError:
        return f"nobody, or by {_owner(path)}: {file_systems.of(folder)} gives no locks"
    finally:
        os.close(descriptor)
    return ""


def _taken(path: Path, patience: float | None = None) -> int | None:
    """Return the open file, locked; None if another has it for longer than `patience` seconds.

    A lock whose file was removed meanwhile is a lock on nothing, so it is taken again.
    """
    end = None if patience is None else time.monotonic() + patience
    while True:
        descriptor = _opened(path)
        try:
            if not _acquired(descriptor, path, end):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                _sign(descriptor, path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for _ in range(100):  # the folder of a runner that was killed may just be swept away
        try:
            with disk_full.reported(path.parent):
                path.parent.mkdir(exist_ok=True)
                descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            time.sleep(STEP)
        except OSError as error:
            raise UserError(f"{path}: {_why_not(error)}") from error
        else:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            raise UserError(f"{path}: must be a file that can be locked; remove it")
    raise UserError(f"{path}: its folder is removed again and again; name another")


def _why_not(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.EISDIR):
        return "must be a file that can be locked, and no link or folder; remove it"
    if error.errno in _NO_LOCKS:
        return f"cannot be opened ({error.strerror})"
    return (
        f"cannot be written ({error.strerror}); a runner needs to write there: "
        "give it permission, or name another folder with --output-dir"
    )


def _acquired(descriptor: int, path: Path, end: float | None) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except (BlockingIOError, PermissionError):  # either may say that another has it
            if end is not None and time.monotonic() >= end:
                return False
        except OSError as error:
            raise no_locks(path, error.strerror or str(error)) from error
        time.sleep(STEP)


def no_locks(path: Path, reason: str) -> NoLocksError:
    """Return the error that a file system has no locks, with what to do."""
    return NoLocksError(
        f"{path}: cannot be locked ({reason}) on {file_systems.of(path)}, so two runners could "
        "train the same trials; mount it with locks (NFS: nfsvers=4, or local_lock=all where one "
        "machine alone uses it), or name a folder on a local disk with --output-dir"
    )


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int, path: Path) -> None:
    """Write into the file who has it, for those who have to wait."""
    with disk_full.reported(path.parent):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def _owner(path: Path) -> str:
    text = ""
    with suppress(OSError), path.open("rb") as file:
        text = file.read(_SAID).decode("utf-8", errors="replace").split("\n")[0].strip()
    return "".join(c if c.isprintable() else "?" for c in text) or "another process"
