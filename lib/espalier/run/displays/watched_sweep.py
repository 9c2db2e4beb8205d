"""The view of a sweep that another process runs, from its store and its lock alone.

It reads now and then, so seldom that it takes next to nothing of a processor, and writes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Status
from espalier.report.report_request import USUAL
from espalier.report.reports import read_sweep
from espalier.run.closing import SweepEnd
from espalier.run.displays.earlier_failures import failed_endings, result_of
from espalier.run.displays.progress import (
    ENDED,
    Display,
    Ending,
    nodes_of,
    overall,
    placed_line,
)
from espalier.run.displays.terminal_display import display
from espalier.run.pending import pending, spent
from espalier.run.supplies.plan_growth import growth_line, may_grow
from espalier.store.attempt import TAKEN_OVER, Attempt
from espalier.store.locks import LOCK, runner_of
from espalier.store.results_dir import STORE, newest_sweep
from espalier.store.store import Store
from espalier.store.sweep_follower import SweepFollower, SweepLook
from espalier.store.sweep_state import SweepStatus

INTERVAL = 1.0
"""Seconds between two looks at least."""
SHARE = 0.01
"""The part of a processor that looking may take."""

Open = Callable[[Sequence[Ending]], Display]
"""What opens a display, given what has failed so far."""


class SweepWatch:
    """Shows a sweep until its runner has ended."""

    def __init__(self, folder: Path, store: Store) -> None:
        """Read how it stands. Its store was opened for reading."""
        self.folder, self._store = folder, store
        self._allowance = int(store.setting("MAX_ATTEMPTS"))
        self._follower = SweepFollower(store)
        self._first = self._follower.look()
        self._growth, self._trials = "", 0  # what was last said of it, and of how many trials
        self._header = store.header
        self._placed, self._nodes = "", set[str]()  # what was last said, and nodes seen so far

    def show(self, opened: Open = display) -> None:
        """Show it until no runner has it."""
        view = opened(failed_endings(self._follower, self._first.ended))
        runner, pause = runner_of(self.folder), INTERVAL
        try:
            view.note(f"{self.folder}: {f'run by {runner}' if runner else self._how_left()}")
            status = self._status(self._first)
            self._note_growth(view, status)
            if runner:
                self._note_place(view, status)
                view.note(overall(status))
                view.update(status)
            while runner:
                time.sleep(pause)
                runner = runner_of(self.folder)  # before the look, which then misses nothing
                pause = self._look(view)
        finally:
            view.close()

    def end(self) -> int:
        """Print what the sweep came to, or how far it is; return the exit code.

        It is that of the sweep: 0 if every trial passed, 1 if some did not; and 130 if it has not
        come to its end.
        """
        page, states = read_sweep(self.folder, USUAL), self._store.states()
        end = SweepEnd(page, states, list(states), self._count_left())
        if not self._has_ended():
            print(*end.lines(_why_open(end)), sep="\n")
            return EXIT_INTERRUPTED
        print(*end.lines(), sep="\n")
        return end.code

    def _how_left(self) -> str:
        """Return what is said of a sweep without a runner."""
        return "has ended" if self._has_ended() else "no runner has it"

    def _has_ended(self) -> bool:
        """Return whether nothing is to run any more, and the plan does not grow."""
        return not self._count_left() and not may_grow(self._store)

    def _count_left(self) -> int:
        return len(pending(self._store, self._allowance))

    def _look(self, view: Display) -> float:
        """Show what has come about since the last look; return the seconds until the next one."""
        before = time.thread_time()
        look = self._follower.look()
        reading = time.thread_time() - before
        status = self._status(look)
        ended = [e for e in look.ended if e.conclusive and e.round != TAKEN_OVER]
        endings = [self._ending(attempt) for attempt in ended]
        for place, ending in enumerate(endings, 1):
            later = sum(not item.retried for item in endings[place:])
            view.finish(ending, _before(status, later))
        self._note_growth(view, status)
        self._note_place(view, status)
        view.update(status)
        return max(INTERVAL, reading / SHARE)

    def _status(self, look: SweepLook) -> SweepStatus:
        """Return how it stands for its runner, which tries again what has attempts left."""
        errors = (number for number, status in look.states.items() if status is Status.ERROR)
        return _moved(look.status, Status.ERROR, Status.NOTRUN, sum(map(self._has_more, errors)))

    def _ending(self, attempt: Attempt) -> Ending:
        """Return what came of an attempt that has ended just now; it may be tried again."""
        result = result_of(attempt)
        if result.status is Status.PASSED and (last := self._store.last_conclusive(attempt.trial)):
            result = last[1]  # with its measures
        again = result.status is Status.ERROR and self._has_more(attempt.trial)
        name, seconds = self._follower.name(attempt.trial), self._follower.seconds(attempt)
        return Ending(name, result, seconds, again)

    def _has_more(self, number: int) -> bool:
        """Return whether a trial has attempts left."""
        return spent(self._store, self._allowance, number)[number] < self._allowance

    def _note_place(self, view: Display, status: SweepStatus) -> None:
        """Note the executor if it is no pool here, and again when other nodes have tasks."""
        self._nodes |= nodes_of(status)
        line = placed_line(self._header, self._nodes)
        if line != self._placed:
            self._placed = line
            view.note(line)

    def _note_growth(self, view: Display, status: SweepStatus) -> None:
        """Note how what a plan grows by stands, once it has grown or all its trials have ended."""
        if status.total == self._trials and status.done < status.total:
            return
        self._trials = status.total
        line = growth_line(self._store)
        if line not in ("", self._growth):
            self._growth = line
            view.note(line)


def watch(folder: Path) -> int:
    """Show the sweep in `folder` until it ends; return the exit code that `SweepWatch.end` has.

    Raises UserError if there is none.
    """
    await_store(folder)
    with Store.open(folder / STORE, readonly=True) as store:
        shown = SweepWatch(folder, store)
        shown.show()
        return shown.end()


def sweep_to_watch(results: Path, upcoming: bool) -> Path:
    """Return the newest sweep of a folder of results, waiting for the first to begin.

    An `upcoming` one runs, or begins from now on.
    """
    earlier = _stored(results)
    if earlier and not upcoming:
        return newest_sweep(results)
    said = False
    while not (begun := list(_begun(results, earlier))):
        if not said:
            print(f"{results}: no sweep runs; waiting for one to begin (Ctrl-C ends)", flush=True)
        said = True
        time.sleep(INTERVAL)
    return max(begun, key=_locked_at)


def await_store(folder: Path) -> None:
    """Wait while a runner has locked a folder and not yet written the store of its sweep."""
    while not (folder / STORE).exists() and runner_of(folder):
        time.sleep(INTERVAL)


def _stored(results: Path) -> set[Path]:
    """Return the folders of a folder of results that have a store."""
    return {path.parent for path in results.glob(f"*/{STORE}")}


def _begun(results: Path, earlier: Collection[Path]) -> Iterator[Path]:
    """Yield the sweeps that run, and those that were not there `earlier`."""
    for folder in _stored(results):
        if folder not in earlier or runner_of(folder):
            yield folder


def _locked_at(folder: Path) -> float:
    """Return when a runner last locked a sweep, in seconds since 1970."""
    path = folder / LOCK
    return path.stat().st_mtime if path.exists() else 0.0


def _why_open(end: SweepEnd) -> str:
    """Return how far a sweep without a runner is that has not come to its end, and why."""
    if ran := Counter(end.states.values())[Status.RUNNING]:
        return end.describe_stop(f"its runner has died while {count_text(ran, 'trial')} ran")
    return end.describe_stop()


def _before(status: SweepStatus, later: int) -> SweepStatus:
    """Return how a sweep stood before the last `later` of its trials had ended."""
    for name in ENDED:
        moved = min(later, status.counts.get(name, 0))
        status, later = _moved(status, name, Status.RUNNING, moved), later - moved
    return status


def _moved(status: SweepStatus, old: Status, new: Status, count: int) -> SweepStatus:
    """Return a status in which so many trials are `new` that were `old`."""
    counts = Counter(status.counts)
    counts[old] -= count
    counts[new] += count
    return replace(status, counts=counts)
