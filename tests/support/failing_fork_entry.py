"""An entry whose import leaves a process that cannot be forked any more."""

from __future__ import annotations

import errno
import os


def fail() -> int:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


os.fork = fail
