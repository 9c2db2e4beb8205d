"""The page of a sweep, written again while it runs: seldom enough to cost next to nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from espalier.core.process import stop_signals
from espalier.run.displays.progress import Display, Ending
from espalier.store.sweep_state import SweepStatus

INTERVAL = 30.0
"""Seconds between two pages at least."""
SHARE = 0.008
"""The part of a sweep's time that its pages may take of one processor, so that it stays below a
hundredth where one turns out dearer than the last."""
FIRST = 0.3
PER_TRIAL = 0.001
"""Seconds of a processor that the first page is taken to cost: so many, and more a trial."""


class PageDisplay:
    """Another display, beside which the page is written.

    A page is written if enough time has passed since the last one, and if with it all pages have
    taken no more than SHARE of the time so far, where it is taken to cost what the last one did.
    What counts is the time of the processor: a crowded machine would let none be written.
    """

    def __init__(
        self,
        inner: Display,
        write: Callable[[], None],
        trials: int,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        """Begin to count; `write` writes the page of so many trials, `used` is processor time."""
        self._inner, self._write, self._clock, self._used = inner, write, clock, used
        self._started = self._written = clock()
        self._spent, self._expected = 0.0, FIRST + PER_TRIAL * trials

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        """Show an attempt that has ended."""
        self._inner.finish(ending, sweep)

    def note(self, line: str) -> None:
        """Show a line that is not about one trial."""
        self._inner.note(line)

    def update(self, sweep: SweepStatus) -> None:
        """Show how the sweep stands, and write the page if it is time to."""
        self._inner.update(sweep)
        if self._is_due() and not stop_signals.requested():
            self._rewrite()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._inner.close()

    def _is_due(self) -> bool:
        now = self._clock()
        if now - self._written < INTERVAL:
            return False
        return self._spent + self._expected <= SHARE * (now - self._started)

    def _rewrite(self) -> None:
        """Write the page. If that fails, note it and write no further one.

        Whatever it fails of: no page is worth the trials that run, and the end of the sweep, where
        it is written again, shows a fault of the program as such.
        """
        before = self._used()
        try:
            self._write()
        except Exception as error:  # noqa: BLE001
            self._inner.note(f"note: no page until the end of the sweep: {error}")
            self._expected = math.inf
            return
        self._written = self._clock()
        self._expected = self._used() - before
        self._spent += self._expected
