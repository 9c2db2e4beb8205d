"""Which fork server a pool has: its own, or one that is kept for all pools of a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from espalier.run.workers.fork_client import ForkServer

TRAINING = "espalier.train.worker_entry"
"""The module of the entry whose workers are forked: while imported it looks at no device."""


class _Kept:
    """The server that is kept, if there is one."""

    server: ForkServer | None = None


@contextmanager
def keeping() -> Iterator[None]:
    """Keep one server for all pools of this block. It starts at once, to be ready in time."""
    if _Kept.server is not None or not _can_fork():
        yield
        return
    with suppress(OSError):  # too many processes: whoever starts a worker says so
        _Kept.server = ForkServer(TRAINING)
    try:
        yield
    finally:
        drop()


def drop() -> None:
    """End the server that is kept, if there is one: nothing here will fork."""
    server, _Kept.server = _Kept.server, None
    if server is not None:
        server.close()


@contextmanager
def serving(entry: str) -> Iterator[ForkServer | None]:
    """Yield the server for a pool of workers with this entry, None where they are not forked."""
    module = entry.partition(":")[0]
    kept = _Kept.server
    if kept is not None and kept.suits(module):
        yield kept
        return
    drop()
    if not are_forked(entry):
        yield None
        return
    server = ForkServer(module)
    try:
        yield server
    finally:
        server.close()


def are_forked(entry: str) -> bool:
    """Return whether workers with this entry are forked here."""
    return entry.partition(":")[0] == TRAINING and _can_fork()


def _can_fork() -> bool:
    """Return whether a fork is safe here, as it is not where the system's own libraries forbid."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")
