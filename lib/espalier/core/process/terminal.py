"""What a terminal is given: text in which nothing steers it, and that its encoding can hold.

Names and messages come from files, stores and command lines of others. An escape sequence in one
could recolour a line, hide it or rename the window, so control characters are shown, not sent.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_LINE = "\t\n"
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
r"""Control characters, those that turn or end a line, and halves of characters (bytes that are no
UTF-8)."""


def printable(text: str) -> str:
    r"""Return `text` as one line, with `\x1b` for an escape character and so on."""
    return _STEERING.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Return the same, but with its line ends and tabs."""
    return _STEERING.sub(lambda match: match[0] if match[0] in _LINE else _escape(match), text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class PrintableStream:
    """A stream that writes `printable_lines`; in everything else it is the stream behind it."""

    def __init__(self, stream: TextIO | io.TextIOBase) -> None:
        """Write to `stream`."""
        self.rich_proxied_file = stream  # rich, which draws with escapes, writes to this one

    def write(self, text: str) -> int:
        """Write `text` without what steers a terminal."""
        self.rich_proxied_file.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


@contextmanager
def printable_output() -> Iterator[None]:
    """Within the block, whatever is printed is printable and never fails for its encoding."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_made_printable, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def drawing_file() -> TextIO:
    """Return standard output as it is, for what draws with escape sequences of its own."""
    return getattr(sys.stdout, "rich_proxied_file", sys.stdout)


def _made_printable(stream: Any) -> Any:
    if stream is None or isinstance(stream, PrintableStream):  # None: it was closed
        return stream
    if isinstance(stream, io.TextIOWrapper):
        with suppress(OSError, ValueError):  # closed, or not what it was when Python opened it
            stream.reconfigure(errors="backslashreplace")
    return PrintableStream(stream)
