"""Log files: appended to by several processes, and never larger than a limit."""

from __future__ import annotations

import errno
import os
import re
import stat
from io import FileIO
from pathlib import Path

MIB = 1 << 20
LIMIT = 32 * MIB
"""The bytes that a log may have before its middle is left out."""
KEPT = 8 * MIB
"""The bytes that are kept of its beginning, and as many of its end."""
_LINE = 1 << 16  # bytes within which a line is looked for, to cut at its end
_MARK = re.compile(rb"^== (\d+) bytes are left out here: .*\n", re.MULTILINE)


def open_log(path: Path) -> FileIO:
    """Open a log to append to. Raises OSError, also for what is no plain file, such as a pipe."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a pipe would wait for a reader
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno != errno.ENXIO:  # a pipe without a reader
            raise
        raise _not_plain(path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(path)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "ab", buffering=0)


def _not_plain(path: Path) -> OSError:
    return OSError(errno.EINVAL, "must be a plain file", str(path))


def trim(path: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Leave out the middle of a log that is over `limit` bytes, and say so there.

    Those who append to it meanwhile go on at its new end; what they write just now may be lost.
    A log that is gone, or is no plain file, is left as it is. Raises OSError.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    if status.st_size <= limit or not stat.S_ISREG(status.st_mode):
        return
    with path.open("r+b") as file:
        head, left_out = _head(file.read(kept + 256), kept)
        file.seek(-kept, os.SEEK_END)
        tail = file.read(kept)
        tail = tail[tail.find(b"\n", 0, _LINE) + 1 :]
        left_out += status.st_size - len(head) - len(tail)
        text = f"a log keeps its first and its last {kept / MIB:g} MiB"
        mark = f"== {left_out} bytes are left out here: {text}\n".encode()
        file.seek(len(head))
        file.write((mark if head.endswith(b"\n") else b"\n" + mark) + tail)
        file.truncate()


def _head(data: bytes, kept: int) -> tuple[bytes, int]:
    """Return the part to keep of the beginning of a log, and the bytes left out after it so far."""
    if mark := _MARK.search(data):
        return data[: mark.start()], int(mark[1]) - len(mark[0])
    end = data.rfind(b"\n", max(0, kept - _LINE), kept) + 1
    return data[: end or kept], 0
