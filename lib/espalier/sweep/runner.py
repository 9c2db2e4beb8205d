"""The runner: gives the trials of a plan to workers and records what comes of them.

One thread, one loop: wait for events, record them and the next assignments in one durable
transaction, then hand out the work. A trial that finished is in the store before anything else
happens, so it is never run again; one that had not is run again from its start.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from espalier.sweep import packing, preflight, space
from espalier.sweep.admission import Admission
from espalier.sweep.asking import Asking
from espalier.sweep.child import Progress
from espalier.sweep.group import Assignment, Ended, Group, broken
from espalier.sweep.packing import Answer, Packing, Turn
from espalier.sweep.pool import Executor
from espalier.sweep.priority import NONE, Priority
from espalier.sweep.progress import Display, Ending, show_cursor
from espalier.sweep.results_dir import SweepDir
from espalier.sweep.standing import Snapshot, Standing
from espalier.sweep.store import INCONCLUSIVE, RUNNING, Store
from espalier.sweep.worker import DISK_FULL, HOPELESS, OOM, PROBE, TRAIN, Member, Task
from espalier.trial import Result, Status, Trial

EXIT_INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.1  # seconds: how late a signal, a death or a time-out may be noticed
NOTED = 1.0  # seconds between two records of progress in the store


@dataclass(frozen=True)
class Limits:
    """Attempts at a trial that ends in errors, seconds it may take (0: any), size of a pack.

    A `pack` of 0 is as large as a probe says. Whether a trial `waits` while memory is short.
    Trials with `priority` start first.
    """

    attempts: int
    timeout: int
    pack: int
    waits: bool
    priority: Priority = NONE


class Runner:
    """Runs every pending trial of one sweep on one executor."""

    def __init__(self, sweep: SweepDir, executor: Executor, limits: Limits, view: Display) -> None:
        """Nothing runs yet."""
        self._sweep, self._store = sweep, sweep.store
        self._executor, self._limits, self._view = executor, limits, view
        self._settings = {str(k): str(v) for k, v in self._store.header["settings"].items()}
        self._errors = spent(self._store, limits.attempts)
        trials = {trial.number: trial for trial in self._store.trials()}
        waiting = [trials[number] for number in pending(self._store, limits.attempts)]
        self._bounds = packing.bounds(self._store)
        self._waiting = Packing(limits.pack, self._bounds, waiting, limits.priority)
        self._asking = Asking(executor, self._settings, sweep.folder)
        self._admission = Admission(executor, limits.waits, exhausting(self._store))
        self._answers: dict[str, Answer] = {}
        self._said: set[str] = set()
        self._standing = Standing(self._store)
        self._slots: dict[int, Group] = {}
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
            while not self.stopping and (self._waiting or self._slots):
                self._turn()
        finally:
            self._executor.close()
            self._view.close()
            with suppress(space.DiskFullError), self._store.writing():
                self._store.interrupt_running()

    def _check_needs(self) -> None:
        trials, folder = list(self._waiting), self._sweep.folder
        preflight.check(self._executor, trials, self._settings, folder, lambda: self.stopping)

    def _turn(self) -> None:
        ended = self._hear() + self._overdue()
        for shape, answer in self._asking.answers():
            self._learn(shape, answer)
        for slot, task in self._commit(ended).items():
            for number in task.awaited if task.ask == TRAIN else ():
                self._sweep.prepare(number)
            self._executor.submit(slot, task)
        for one in ended:  # its files are written while the next trial runs
            self._conclude(one)
        for line in broken(ended):
            self._view.note(line)
        self._view.update(self._snapshot())

    def _hear(self) -> list[Ended]:
        ended = []
        for event in self._executor.wait(TICK):
            if event.slot in self._asking:
                self._asking.hear(event)
            elif isinstance(event, Progress):
                self._slots[event.slot].heard(event.number, event.record)
            else:
                ended.append(self._end(event.slot, event.number, event.result))
        return ended

    def _overdue(self) -> list[Ended]:
        limit = self._limits.timeout
        late = {slot: group for slot, group in self._slots.items() if group.late(limit)}
        for slot in late:
            self._executor.kill(slot)
        return [
            self._end(slot, number, group.overdue(limit))
            for slot, group in late.items()
            for number in list(group.members)
        ]

    def _end(self, slot: int, number: int, result: Result) -> Ended:
        group = self._slots[slot]
        ended = Ended(group.members.pop(number), result, group)
        if not group.members:
            del self._slots[slot]
        self._bounds.note(ended.assignment.trial, result.reason, group.size)
        self._admission.ended(number, result)
        return ended

    def _learn(self, shape: str, answer: Answer) -> None:
        """Heed the answer of a probe, keep it, and say why not to pack, each reason once."""
        self._waiting.answer(shape, answer)
        if answer.size > 1:
            self._say(f"note: up to {answer.size} trials train as one program (PACK=1: one by one)")
        elif answer.why:
            self._say(f"note: trials run one at a time: {answer.why}")
        self._answers[shape] = answer
        packs = {shape: answer._asdict() for shape, answer in self._answers.items()}
        with self._store.writing():
            self._store.set_header({**self._store.header, "packs": packs})

    def _say(self, line: str) -> None:
        """Print a note, once."""
        if line not in self._said:
            self._said.add(line)
            self._view.note(line)

    def _commit(self, ended: Sequence[Ended]) -> dict[int, Task]:
        """Record what ended, what starts and how far the rest is, in one transaction."""
        free = self._admission.free(len(self._waiting), [*self._slots, *self._asking])
        news = self._news()
        if not (ended or free or news):
            return {}
        with self._store.writing():
            for one in ended:
                self._store.finish(one.assignment.trial.number, one.assignment.attempt, one.result)
            for news_of in news:
                self._store.progress(news_of.trial.number, news_of.attempt, news_of.record)
            turns = ((slot, self._next(slot)) for slot in free)
            return {slot: self._begin(slot, turn) for slot, turn in turns if turn is not None}

    def _next(self, slot: int) -> Turn | None:
        running = {other: list(group.members) for other, group in self._slots.items()}
        return self._waiting.next(self._most, self._admission.allowing(slot, running))

    def _news(self) -> list[Assignment]:
        if time.monotonic() - self._noted < NOTED:
            return []
        self._noted = time.monotonic()
        running = (one for group in self._slots.values() for one in group.members.values())
        news = [one for one in running if not one.noted]
        for one in news:
            one.noted = True
        return news

    def _most(self, shape: str, waiting: int) -> int:
        running = sum(group.left for group in self._slots.values() if group.shape == shape)
        return packing.share(waiting, running, len(self._executor.devices))

    def _begin(self, slot: int, turn: Turn) -> Task:
        if turn.ask == PROBE:
            return self._asking.task(slot, turn.trials)
        process, device = self._executor.process(slot), self._executor.devices[slot]
        attempts = self._store.begin([trial.number for trial in turn.trials], process, device)
        self._slots[slot] = Group(turn.trials, attempts)
        for number in attempts:
            self._standing.set(number, RUNNING)
        members = (
            Member(trial, self._sweep.directory(trial.number), attempts[trial.number])
            for trial in turn.trials
        )
        return Task(tuple(members), self._settings)

    def _conclude(self, ended: Ended) -> None:
        trial, result = ended.assignment.trial, ended.result
        if result.reason == DISK_FULL:
            raise space.full(self._sweep.folder)
        self._sweep.log_ending(trial.number, result)
        why = result.provenance.get("pack", {}).get("why", "")
        if why and ended.group.size > 1:
            self._say(f"note: trials run one at a time: {why}")
        if result.reason in INCONCLUSIVE:
            self._again(trial)
            return
        self._sweep.write_metrics(trial, result)
        self._standing.set(trial.number, result.status.value)
        self._standing.took(ended.seconds)
        self._errors[trial.number] += cost(result.status, result.reason, self._limits.attempts)
        again = result.status is Status.ERROR and self._errors[trial.number] < self._limits.attempts
        if again:
            self._again(trial)
        self._view.finished(Ending(trial, result, ended.seconds, again), self._snapshot())

    def _again(self, trial: Trial) -> None:
        self._waiting.add(trial)
        self._standing.set(trial.number, Status.NOTRUN.value)

    def _snapshot(self) -> Snapshot:
        running = (group.running for group in self._slots.values())
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
    """A signal of STOPPING stops the runner cleanly; a second one ends everything at once.

    Outside the main thread, as in some notebooks, signals are Python's and the main thread's.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        if runner.stopping:
            show_cursor()
            os._exit(EXIT_INTERRUPTED)  # the workers notice and end themselves
        runner.stopping = True

    own = threading.current_thread() is threading.main_thread()
    heeded = (n for n in STOPPING if own and signal.getsignal(n) is not signal.SIG_IGN)  # nohup
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


def exhausting(store: Store) -> list[int]:
    """The trials that have run out of memory by themselves in this round."""
    return [o.trial for o in store.attempts() if o.round == store.round and o.reason == OOM]
