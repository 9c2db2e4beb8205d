"""Processes that a process has started, and how none of them outlives it. On Linux alone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_C = ctypes.CDLL(None) if sys.platform == "linux" else None
_PROC = Path("/proc")
_LONGEST = 10.0
"""Seconds that killed processes have to be gone, such as one that waits for a lost network disk."""
_PAUSE = 0.001  # seconds between two looks


def die_with_parent() -> None:
    """Ask the kernel, where it can, to kill this process when its parent dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent, where the kernel can, of each descendant whose own parent ends.

    So a daemon, whose parents end on purpose, stays a descendant of this process.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _C is not None:
        _C.prctl(option, value, 0, 0, 0)


def end_children() -> None:
    """Kill everything that descends from this process, until it has no child."""
    end = time.monotonic() + _LONGEST
    while _has_children() and time.monotonic() < end:
        for process in list(descendants(os.getpid())):
            with suppress(OSError):  # it has just ended, or has become another user's
                os.kill(process, signal.SIGKILL)
        time.sleep(_PAUSE)


def _has_children() -> bool:
    """Return whether a child is left, when those that have ended are cleared away."""
    with suppress(ChildProcessError):
        while (process := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            del process
        return True
    return False


def end_marked(name: str, value: str) -> None:
    """Kill every process, of those that may be looked into, with this in its environment."""
    end = time.monotonic() + _LONGEST
    while (marked := list(_marked(name, value))) and time.monotonic() < end:
        for process in marked:
            with suppress(OSError):  # it has just ended
                os.kill(process, signal.SIGKILL)
        time.sleep(_PAUSE)


def _marked(name: str, value: str) -> Iterator[int]:
    mark = os.fsencode(f"{name}={value}")
    for path in _PROC.glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            if mark in path.read_bytes().split(b"\0"):  # nothing, of one that has ended
                yield int(path.parent.name)


def descendants(process: int) -> Iterator[int]:
    """Yield the ids of the processes that descend from `process`, parents before their children.

    Of none where the system has no /proc.
    """
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    waiting = children.pop(process, [])
    while waiting:
        child = waiting.pop(0)
        yield child
        waiting += children.pop(child, [])


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id of every process and of its parent."""
    for path in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            after_name = path.read_bytes().rpartition(b")")[2].split()
            yield int(path.parent.name), int(after_name[1])
