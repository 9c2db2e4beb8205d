"""A terminal with no window: what a program draws on it, row by row, and what scrolled out of it.

It knows what moving displays use: line ends, cursor up, erasing a line or what follows. Made
narrower, it breaks lines that no longer fit, as most terminals do; lines never join again.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import queue
import re
import struct
import termios
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

END, LAST = b"\0", b"\1"
"""What is written behind the rest, to know that all of it has been read: so far, and for good."""
_CUT = re.compile(r"(\x1b(\[[?\d;]*)?)?$")
_TOKEN = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


class TerminalScreen:
    """The rows of a terminal; the cursor stands behind the last thing written."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.height = columns, rows
        self.rows, self.above = [""], list[str]()  # of the screen, and what scrolled out of it
        self.row = self.column = 0

    @property
    def text(self) -> str:
        """What is to be read on the screen."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    @property
    def history(self) -> str:
        """The same, with what scrolled out of it."""
        return "\n".join([*(row.rstrip() for row in self.above), self.text])

    def resize(self, columns: int, rows: int) -> None:
        """Break lines that are too long now; the cursor stays at the end of its line."""
        broken: list[str] = []
        for place, line in enumerate(self.rows):
            pieces = [line[i : i + columns] for i in range(0, len(line), columns)] or [""]
            broken += pieces
            if place == self.row:
                row = len(broken) - 1
        self.rows, self.row, self.column = broken, row, len(broken[row])
        self.columns, self.height = columns, rows
        self._scroll()

    def feed(self, text: str) -> None:
        """Draw what a program writes."""
        for numbers, command, end, character in _TOKEN.findall(text):
            if command:
                self._obey(numbers, command)
            elif end == "\r":
                self.column = 0
            elif end == "\n":
                self._down()
            else:
                self._put(character)

    def _obey(self, numbers: str, command: str) -> None:
        if command == "A":
            self.row = max(0, self.row - int(numbers or 1))
        elif command == "K":
            self.rows[self.row] = "" if numbers == "2" else self.rows[self.row][: self.column]
        else:
            assert command in "mhl", command  # colours, and the cursor hidden or shown

    def _put(self, character: str) -> None:
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + width > self.columns:
            self._down()
            self.column = 0
        line = self.rows[self.row].ljust(self.column)
        shown = character + "\0" * (width - 1)  # a cell that the character before it takes
        self.rows[self.row] = line[: self.column] + shown + line[self.column + width :]
        self.column += width

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")
        self._scroll()

    def _scroll(self) -> None:
        out = max(0, len(self.rows) - self.height)
        self.above += self.rows[:out]
        self.rows, self.row = self.rows[out:], max(0, self.row - out)


class PseudoTerminal:
    """A pseudo-terminal with a screen behind it; `file` and what has `slave` write to it."""

    def __init__(self, master: int, slave: int, columns: int, rows: int) -> None:
        self._master, self.slave = master, slave
        self.screen = TerminalScreen(columns, rows)
        self.file: TextIO = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""  # the beginning of an escape sequence
        self._ahead = b""  # what others have written behind the end of the last drawing
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)  # so that no program waits to write
        self._reader.start()
        self._set_size()

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.draw()
        self.screen.resize(columns, rows)
        self._set_size()

    def draw(self) -> str:
        """Draw what has been written so far; return the text of the screen."""
        self.file.flush()
        os.write(self.slave, END)
        seen = self._ahead
        while END not in seen:
            seen += self._pieces.get(timeout=20)
        seen, _, self._ahead = seen.partition(END)
        text = self._rest + self._decoder.decode(seen)
        self._rest = _CUT.search(text)[0]  # type: ignore[index]
        self.screen.feed(text.removesuffix(self._rest))
        return self.screen.text

    def close(self) -> None:
        """Close it; nothing writes to it any more."""
        self.file.close()
        os.write(self.slave, LAST)
        self._reader.join()
        os.close(self.slave)
        os.close(self._master)

    def _read(self) -> None:
        seen = b""
        while not seen.endswith(LAST):
            seen = os.read(self._master, 65536)
            self._pieces.put(seen)

    def _set_size(self) -> None:
        size = struct.pack("HHHH", self.screen.height, self.screen.columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)


@contextmanager
def pseudo_terminal(columns: int, rows: int) -> Iterator[PseudoTerminal]:
    """Open a pseudo-terminal of this size."""
    terminal = PseudoTerminal(*pty.openpty(), columns, rows)
    try:
        yield terminal
    finally:
        terminal.close()
