"""Measures out of what a program prints, by a regular expression with named groups.

    (?P<epoch>\\d+)/\\d+ val_acc=(?P<val_acc>[\\d.]+%)

It is searched for in each line, and each match is a record of its groups. What a group holds is a
number, a percentage (`91.2%` is 0.912) or a ratio (`9120/10000` is 0.912). An alternative (`a|b`)
may name a group of its own, so that several kinds of lines have measures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from espalier.core.errors import UserError
from espalier.scripts.epoch_records import EPOCH, EPOCHS, STEP, BadMeasureError

SYMBOL = "SCRIPT_PATTERN"
_COUNTS = (EPOCH, EPOCHS, STEP)
_LONGEST = 1 << 14
"""Bytes of a line that are searched: of twice as many a pattern such as `.*a.*b` takes 4 times."""
_SHOWN = 80  # characters of a line in a message
_STEERING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
r"""A sequence that colours a terminal, as `\x1b[32m` does."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return CONFIG_SCRIPT_PATTERN compiled. Raises UserError if it is none, or names no group."""
    where = f"CONFIG_{SYMBOL}={text}"
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(f"{where}: must be a regular expression ({error})") from None
    if not set(pattern.groupindex) - set(_COUNTS):
        rule = "must have a group with the name of a measure, such as (?P<val_acc>[0-9.]+)"
        raise UserError(f"{where}: {rule}")
    return pattern


@dataclass
class OutputPattern:
    """Searches the output of a program as it comes, a piece at a time."""

    pattern: re.Pattern[str]
    matches: int = field(default=0, init=False)
    _rest: bytes = field(default=b"", init=False)
    _lines: int = field(default=0, init=False)  # that hold something
    _last: str = field(default="", init=False)  # of them

    def feed(self, data: bytes) -> Iterator[dict[str, float]]:
        """Yield a record for each match in the lines that `data` completes.

        Raises BadMeasureError if a group holds no number.
        """
        *lines, rest = data.replace(b"\r", b"\n").split(b"\n")
        if lines:
            lines[0], self._rest = self._rest + lines[0], b""
        self._rest = (self._rest + rest)[-_LONGEST:]
        for line in filter(None, lines):
            yield from self._search(line)

    def finish(self) -> Iterator[dict[str, float]]:
        """Yield a record for each match in a last line without an end."""
        yield from self._search(self._rest)
        self._rest = b""

    def why_unmatched(self) -> str:
        """Return why there is no measure when nothing has matched."""
        what = f"CONFIG_{SYMBOL}={self.pattern.pattern} matched none of the"
        if not self._lines:
            return f"{what} program's output, which is empty"
        return f"{what} {self._lines} lines of output, the last: {self._last[:_SHOWN]}"

    def _search(self, line: bytes) -> Iterator[dict[str, float]]:
        text = _STEERING.sub("", line[:_LONGEST].decode("utf-8", "replace"))
        if text.strip():
            self._lines, self._last = self._lines + 1, text.strip()
        for match in self.pattern.finditer(text):
            record = {
                name: _number(name, value)
                for name, value in match.groupdict().items()
                if value is not None
            }
            if record:
                self.matches += 1
                yield record


def _number(name: str, text: str) -> float:
    """Return the number of a group's text."""
    top, slash, bottom = text.strip().partition("/")
    try:
        if name in _COUNTS and not slash:
            return int(top)
        if slash:
            return float(top) / float(bottom)
        return float(top.removesuffix("%")) / (100 if top.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        rule = "must be a number, a percentage such as 91.2% or a ratio such as 9120/10000"
        raise BadMeasureError(f"(?P<{name}>...) holds {text[:40]!r}: {rule}") from None
