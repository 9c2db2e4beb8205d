"""The runner: gives the trials of a plan to workers and records what comes of them.

One thread, one loop: wait for events, record them and the next assignments in one durable
transaction, then hand out the work. A trial that finished is in the store before anything else
happens, so it is never run again; one that had not is run again from its start.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import NamedTuple

from espalier.sweep import preflight, space
from espalier.sweep.pool import Executor, Progress
from espalier.sweep.progress import Display, Ending, show_cursor
from espalier.sweep.results_dir import SweepDir
from espalier.sweep.standing import Running, Snapshot, Standing
from espalier.sweep.store import INCONCLUSIVE, RUNNING, Store
from espalier.sweep.worker import HOPELESS, Task
from espalier.trial import Record, Result, Status, Trial

EXIT_INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.1  # seconds: how late a signal, a death or a time-out may be noticed
NOTED = 1.0  # seconds between two records of progress in the store


@dataclass(frozen=True)
class Limits:
    """Attempts at a trial that ends in errors, seconds it may take (0: any), size of a pack.

    A `pack` of 0 is as large as a probe says.
    """

    attempts: int
    timeout: int
    pack: int


@dataclass
class Assignment:
    """A trial in a slot; `started` is of time.monotonic()."""

    trial: Trial
    attempt: int
    started: float
    record: Record = field(default_factory=dict)
    noted: bool = True  # whether `record` is in the store

    @property
    def elapsed(self) -> float:
        """Seconds since it was handed out."""
        return time.monotonic() - self.started


class Ended(NamedTuple):
    """An attempt that has come to its end."""

    assignment: Assignment
    result: Result


class Runner:
    """Runs every pending trial of one sweep on one executor."""

    def __init__(self, sweep: SweepDir, executor: Executor, limits: Limits, view: Display) -> None:
        """Nothing runs yet."""
        self._sweep, self._store = sweep, sweep.store
        self._executor, self._limits, self._view = executor, limits, view
        self._settings = {str(k): str(v) for k, v in self._store.header["settings"].items()}
        self._trials = {trial.number: trial for trial in self._store.trials()}
        self._errors = spent(self._store, limits.attempts)
        self._queue = deque(pending(self._store, limits.attempts))
        self._standing = Standing(self._store)
        self._slots: dict[int, Assignment] = {}
        self._noted = time.monotonic()
        self.stopping = False

    def run(self) -> None:
        """Run until nothing is pending or `stopping` is set.

        Raises DiskFullError, or UserError if workers cannot start or the machine lacks what the
        trials need. What still runs at the end is
        recorded as interrupted, unless the disk is full: then the next runner does that.
        """
        try:
            self._view.update(self._snapshot())
            self._check_needs()
            while not self.stopping and (self._queue or self._slots):
                self._turn()
        finally:
            self._executor.close()
            self._view.close()
            with suppress(space.DiskFullError), self._store.writing():
                self._store.interrupt_running()

    def _check_needs(self) -> None:
        trials = [self._trials[number] for number in self._queue]
        preflight.check(
            self._executor, trials, self._settings, self._sweep.folder, lambda: self.stopping
        )

    def _turn(self) -> None:
        ended = []
        for event in self._executor.wait(TICK):
            if isinstance(event, Progress):
                self._slots[event.slot].record = event.record
                self._slots[event.slot].noted = False
            else:
                ended.append(Ended(self._slots.pop(event.slot), event.result))
        ended += self._overdue()
        for slot, task in self._commit(ended).items():
            self._sweep.prepare(task.trial.number)
            self._executor.submit(slot, task)
        for one in ended:  # its files are written while the next trial runs
            self._conclude(one)
        self._view.update(self._snapshot())

    def _overdue(self) -> list[Ended]:
        limit = self._limits.timeout
        late = [slot for slot, one in self._slots.items() if limit and one.elapsed > limit]
        for slot in late:
            self._executor.kill(slot)
        message = f"stopped after {limit} s, the limit that CONFIG_TRIAL_TIMEOUT sets"
        return [
            Ended(self._slots.pop(slot), Result(Status.ERROR, "timeout", message)) for slot in late
        ]

    def _commit(self, ended: Sequence[Ended]) -> dict[int, Task]:
        """Record what ended, what starts and how far the rest is, in one transaction."""
        free = self._executor.idle()[: len(self._queue)]
        news = self._news()
        if not (ended or free or news):
            return {}
        with self._store.writing():
            for one, result in ended:
                self._store.finish(one.trial.number, one.attempt, result)
            for one in news:
                self._store.progress(one.trial.number, one.attempt, one.record)
            return {slot: self._begin(slot) for slot in free}

    def _news(self) -> list[Assignment]:
        if time.monotonic() - self._noted < NOTED:
            return []
        self._noted = time.monotonic()
        news = [one for one in self._slots.values() if not one.noted]
        for one in news:
            one.noted = True
        return news

    def _begin(self, slot: int) -> Task:
        trial = self._trials[self._queue.popleft()]
        device = self._executor.devices[slot]
        attempt = self._store.begin(trial.number, self._executor.process(slot), device)
        self._slots[slot] = Assignment(trial, attempt, time.monotonic())
        self._standing.set(trial.number, RUNNING)
        return Task(trial, self._settings, self._sweep.directory(trial.number), attempt)

    def _conclude(self, ended: Ended) -> None:
        (one, result), number = ended, ended.assignment.trial.number
        if result.reason in INCONCLUSIVE:
            raise space.full(self._sweep.folder)
        self._sweep.log_ending(number, result)
        self._sweep.write_metrics(one.trial, result)
        self._standing.set(number, result.status.value)
        self._standing.took(one.elapsed)
        self._errors[number] += cost(result.status, result.reason, self._limits.attempts)
        again = result.status is Status.ERROR and self._errors[number] < self._limits.attempts
        if again:
            self._queue.append(number)
            self._standing.set(number, Status.NOTRUN.value)
        self._view.finished(Ending(one.trial, result, one.elapsed, again), self._snapshot())

    def _snapshot(self) -> Snapshot:
        running = (Running(one.trial.name, one.record, one.elapsed) for one in self._slots.values())
        return self._standing.snapshot(running, len(self._executor.devices))


def pending(store: Store, allowance: int) -> list[int]:
    """The trials to run, in plan order: without a conclusion, or with an error to try again."""
    used = spent(store, allowance)
    again = (Status.NOTRUN, RUNNING)
    return [
        number
        for number, state in store.states().items()
        if state in again or (state == Status.ERROR and used[number] < allowance)
    ]


@contextmanager
def stopping_on_signals(runner: Runner) -> Iterator[None]:
    """A signal of STOPPING stops the runner cleanly; a second one ends everything at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        if runner.stopping:
            show_cursor()
            os._exit(EXIT_INTERRUPTED)  # the workers notice and end themselves
        runner.stopping = True

    heeded = (n for n in STOPPING if signal.getsignal(n) is not signal.SIG_IGN)  # nohup, `&`
    kept = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def cost(status: str, reason: str, allowance: int) -> int:
    """How much of a trial's allowance of attempts an attempt uses up."""
    if status != Status.ERROR or reason in INCONCLUSIVE:
        return 0
    return allowance if reason == HOPELESS else 1


def spent(store: Store, allowance: int) -> Counter[int]:
    """By trial, how much of its allowance the attempts of this round have used up."""
    used: Counter[int] = Counter()
    for one in store.attempts():
        if one.round == store.round:
            used[one.trial] += cost(one.status, one.reason, allowance)
    return used
