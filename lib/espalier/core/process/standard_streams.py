"""Standard output and error that may be closed, full or gone: they never stop the work."""

from __future__ import annotations

import io
import math
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from espalier.core.process import terminal

_SHOW_CURSOR = b"\x1b[?25h"
_KEPT = 1 << 20
"""Characters that are kept for a reader that does not read, at most."""
_PIECE = 1024
"""Characters that are written at once: a pipe that is ready takes so many without a wait."""
_GRACE = 1.0  # seconds that a reader still has when there is a hurry
_PAUSE = 0.1  # seconds between two looks at whether to go on waiting for a reader


def repair() -> None:
    """Open what this process was started without (`>&-`), and let errors in stderr pass.

    Otherwise the next file that is opened takes the place of the closed stream, and what is
    printed lands in it. A character that stdout cannot encode is printed as its escape.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = TolerantStream(sys.stderr or _nowhere())
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def tolerant(hurried: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Let nothing that is printed in this block raise an error, or wait for a reader.

    What a reader has not taken by the end is written then, which waits for it until `hurried`.
    """
    kept, file = sys.stdout, terminal.drawing_file()
    ours = TolerantStream(file)
    sys.stdout = ours if file is kept else terminal.PrintableStream(ours)
    try:
        yield
    finally:
        sys.stdout = kept
        ours.drain(hurried)


class TolerantStream(io.TextIOBase):
    """A text stream that drops what cannot be written, and keeps what would have to wait."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._length = 0  # of what waits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream below."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether the stream below is a terminal."""
        with suppress(OSError, ValueError):
            return self._stream.isatty()
        return False

    def fileno(self) -> int:
        """Return the descriptor of the stream below. Raises OSError if it has none."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write `text`, or keep it while the reader is not ready."""
        self._waiting.extend(text[i : i + _PIECE] for i in range(0, len(text), _PIECE))
        self._length += len(text)
        while self._length > _KEPT:
            self._length -= len(self._waiting.popleft())
        self._write_ready()
        return len(text)

    def flush(self) -> None:
        """Write what has been kept, unless that would wait."""
        self._write_ready()

    def drain(self, hurried: Callable[[], bool]) -> None:
        """Write what waits, as long as that takes, or for a moment if `hurried`."""
        end = math.inf
        while self._waiting and time.monotonic() < end:
            self._write_ready(_PAUSE)
            end = min(end, time.monotonic() + _GRACE) if hurried() else end

    def _write_ready(self, seconds: float = 0.0) -> None:
        while self._waiting and self._ready(seconds):
            text = self._waiting.popleft()
            self._length -= len(text)
            self._attempt(text)

    def _ready(self, seconds: float) -> bool:
        """Return whether a write would not wait; True where that cannot be known."""
        with suppress(OSError, ValueError):
            return bool(select.select([], [self._stream.fileno()], [], seconds)[1])
        return True

    def _attempt(self, text: str) -> None:
        coding = self.encoding
        try:
            self._stream.write(text.encode(coding, "backslashreplace").decode(coding, "replace"))
            self._stream.flush()
        except (OSError, ValueError):
            discard(self._stream)


def discard(stream: TextIO) -> None:
    """Drop what a stream has in its buffer and cannot write; later text gets another chance."""
    with suppress(OSError, ValueError):
        descriptor = stream.fileno()
        kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, descriptor)
            stream.flush()
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
            os.close(nowhere)


def flush() -> OSError | None:
    """Flush standard output; return the error if it cannot be written, and drop what is left."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        error.filename = "standard output"
        return error
    return None


def show_cursor() -> None:
    """Show the cursor that a moving display has hidden, if stdout is a terminal."""
    with suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
