"""Requests to stop: Ctrl-C, SIGTERM and SIGHUP, heeded from a program's first line to its last.

What comes within a second of a request is the same one: `timeout`, Slurm and systemd send a signal
to make, which passes it on, and to the group besides. What a request does depends on `patience`,
the number of requests that are only noted, for the program to look at `requested()`. One beyond
that raises KeyboardInterrupt. The third ends the process at once in any case.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from espalier.core.process import standard_streams

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_INTERRUPTED = 130
SAME_REQUEST = 1.0
"""Seconds: signals closer than this to a request belong to it."""
LAST_REQUEST = 3
"""The request that ends the process without any further work."""


class _State:
    """The requests so far, and how many of them are only noted."""

    def __init__(self) -> None:
        self.installed = False
        self.requests, self.latest = 0, 0.0
        self.patience = 0

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Count a signal, and act on it if it is a new request."""
        del number, frame
        now = time.monotonic()
        if self.requests and now - self.latest < SAME_REQUEST:
            return
        self.requests, self.latest = self.requests + 1, now
        if self.requests >= LAST_REQUEST:
            standard_streams.show_cursor()
            os._exit(EXIT_INTERRUPTED)  # workers notice and end themselves
        if self.requests > self.patience:
            raise KeyboardInterrupt


_state = _State()


def install(patience: int) -> None:
    """Heed signals from now to the end of the process. One that is ignored (`nohup`) stays so."""
    _state.installed, _state.patience = True, patience
    _set_handlers()


def requested() -> bool:
    """Return whether there has been a request to stop."""
    return _state.requests > 0


def check() -> None:
    """Raise KeyboardInterrupt if there has been a request to stop."""
    if requested():
        raise KeyboardInterrupt


def raise_at_once() -> None:
    """Let requests raise from now on, the first too, even if it was noted before."""
    _state.patience = 0
    check()


@contextmanager
def patience(requests: int) -> Iterator[None]:
    """Only note so many requests in this block."""
    kept, _state.patience = _state.patience, requests
    try:
        yield
    finally:
        _state.patience = kept


@contextmanager
def noting() -> Iterator[None]:
    """Note requests in this block, in a program that has not installed this too.

    Outside the main thread, as in some notebooks, signals are Python's and the main thread's.
    """
    borrowed = not _state.installed and threading.current_thread() is threading.main_thread()
    with patience(1):
        kept = _set_handlers() if borrowed else {}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
            _state.requests *= not borrowed


def ignore() -> None:
    """Ignore requests from now on: the work is done, and only the exit is left."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def _set_handlers() -> dict[signal.Signals, Any]:
    """Let requests be received; return the handlers that were there."""
    heard = [n for n in STOPPING if signal.getsignal(n) is not signal.SIG_IGN]
    return {number: signal.signal(number, _state.receive) for number in heard}
