"""The output of a program on its way to the log, searched for measures as it passes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

from espalier.scripts.programs.output_pattern import OutputPattern

STDOUT = 1
_CHUNK = 1 << 16

Report = Callable[[Sequence[Mapping[str, float]]], None]
"""Takes the records of some matches."""


class OutputTap:
    """A pipe for what a program prints, and where its output goes on."""

    def __init__(self, pattern: OutputPattern, report: Report) -> None:
        """Search for `pattern`, and give the matches to `report`."""
        self._pattern, self._report = pattern, report
        self.reading, self._output = os.pipe()
        os.set_blocking(self.reading, False)
        self.ended = False  # whether nothing can come any more

    @classmethod
    @contextmanager
    def opened(cls, pattern: OutputPattern, report: Report) -> Iterator[Self]:
        """Yield a tap, and close it after the block."""
        tap = cls(pattern, report)
        try:
            yield tap
        finally:
            os.close(tap.reading)
            tap.release()

    @property
    def output(self) -> int:
        """The descriptor that the program is to print to."""
        return self._output

    def release(self) -> None:
        """Close this process's copy of `output`: the program has its own."""
        if self._output >= 0:
            os.close(self._output)
        self._output = -1

    def pass_on(self) -> bool:
        """Pass on what has come, some of it if it is much; return whether there was anything.

        Raises BadMeasureError, OSError.
        """
        try:
            data = os.read(self.reading, _CHUNK)
        except BlockingIOError:
            return False
        self.ended = not data
        _write(data)
        self._report_all(self._pattern.feed(data))
        return bool(data)

    def finish(self) -> None:
        """Pass on the rest, when the program has ended. Raises BadMeasureError, OSError."""
        while self.pass_on():
            continue
        self._report_all(self._pattern.finish())

    def _report_all(self, records: Iterable[Mapping[str, float]]) -> None:
        if several := list(records):
            self._report(several)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(STDOUT, data) :]
