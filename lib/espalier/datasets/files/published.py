"""Published files: verify them by their checksums, and fetch them where that is configured.

torchvision has the addresses and checksums and does the fetching. This module adds that nothing is
fetched unless configured, nothing present is overwritten, an interrupted download does not disturb
the next one, several workers can start at once, and each failure is one line that names the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import shutil
import socket
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.core.samples import RawData

NETWORK_TIMEOUT = 15.0  # seconds without an answer or a byte before a download is given up
log = logging.getLogger(__name__)


@contextlib.contextmanager
def lock_folder(folder: Path, create: bool) -> Iterator[None]:
    """Hold the lock of `folder`, so that one process at a time fetches or unpacks there.

    With `create` the folder is made. One that cannot be written to, or is not there, needs no
    lock.
    """
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a", encoding="utf-8")
    except OSError:
        yield
        return
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def require_published(path: Path, md5: str) -> None:
    """Raise UserError unless the content of `path` has the checksum `md5`."""
    if not is_published(path, md5):
        raise damaged_error(path, md5)


def is_published(path: Path, md5: str) -> bool:
    """Return whether the content of `path` has the checksum `md5`."""
    from torchvision.datasets.utils import check_integrity

    return bool(check_integrity(path, md5))


def damaged_error(path: Path, md5: str) -> UserError:
    """Return the error for a file that is not the published one."""
    return UserError(
        f"{path}: damaged or not the published file (its MD5 is not {md5}); set "
        "CONFIG_DATA_VERIFY=n to read it as it is, or delete it: CONFIG_DOWNLOAD=y fetches it"
    )


def require_permission(missing: Path, download: bool, verify: bool) -> None:
    """Raise UserError unless a file that is `missing` may be fetched.

    Without verification none may be: the published files would land among the user's own.
    """
    if not verify:
        raise UserError(
            f"{missing}: no such file; put it there, or set CONFIG_DATA_VERIFY=y: unverified sets "
            "are never downloaded"
        )
    if not download:
        raise UserError(f"{missing}: no such file; set CONFIG_DOWNLOAD=y or put the files there")


def fetch(reader: type[Any], folder: Path, missing: Path, verified: Iterable[Path]) -> None:
    """Have `reader`, a torchvision data set, fetch or unpack what it lacks in `folder`.

    It works in a draft folder, because it writes to a file's final name from the first byte on.
    `verified` archives in `folder` need not be fetched again.
    """
    draft = folder / f".{reader.__name__}.download"
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
        for path in verified:
            link = draft / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        with _network_timeout():
            reader(draft, download=True)
        _move(draft, folder)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"CONFIG_DOWNLOAD=y: {missing} could not be fetched ({reason}); check the network "
            "and try again, or put the files there"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move(draft: Path, folder: Path) -> None:
    """Move into `folder` what it lacks; `x.gz` before `x`, which cannot be verified without."""
    for path in sorted(draft.rglob("*"), reverse=True):
        target = folder / path.relative_to(draft)
        if path.is_file() and not path.is_symlink() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


@contextlib.contextmanager
def _network_timeout() -> Iterator[None]:
    """Limit the wait of every connection that is opened inside."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@functools.cache
def warn_unverified(folder: Path) -> None:
    """Warn, once in a process, that the files in `folder` are read unverified."""
    log.warning("CONFIG_DATA_VERIFY=n: %s is read without comparing checksums", folder)


def unreadable_error(path: Path, reason: object) -> UserError:
    """Return the error for a file whose content does not follow its format."""
    return UserError(f"{path}: {' '.join(str(reason).split())}; put a whole file there")


def require_consistent(raw: RawData, folder: Path) -> RawData:
    """Return `raw`; raise UserError unless labels match images and classes in each part."""
    for part, x, y in (("training", raw.train_x, raw.train_y), ("test", raw.test_x, raw.test_y)):
        if len(x) != len(y) or not len(y):
            raise unreadable_error(
                folder, f"{len(x)} {part} images and {len(y)} labels: must be equal"
            )
        if int(y.min()) < 0 or int(y.max()) >= raw.classes:
            raise unreadable_error(folder, f"a {part} label is not in 0..{raw.classes - 1}")
    return raw
