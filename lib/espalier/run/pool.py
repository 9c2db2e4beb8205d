"""Executors: where trials run. Worker processes, or this process for debugging.

An executor has numbered slots. A slot is idle, or has one task; `wait` tells what happened. A
worker that dies is data about its trials and is replaced by a fresh one. So is a worker one of
whose trials ended in an error, once the others have ended too. A worker that cannot even start is a
fault of the set-up and stops the sweep.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

from espalier.core.errors import UserError
from espalier.core.process import log_files, memory, stop_signals
from espalier.core.process.exits import describe_exit, last_line
from espalier.core.trial import Action, Record, Result, Task
from espalier.run.devices import HERE, each
from espalier.run.workers import fork_servers, worker
from espalier.run.workers.worker_environment import environment
from espalier.run.workers.worker_group import WorkerGroup
from espalier.run.workers.worker_process import (
    Event,
    Finished,
    Progress,
    WorkerProcess,
)

TRACEBACK_TIME = 1.0  # seconds a dying worker has to print its traceback
STARTS = 3
"""How often in a row workers may be killed as they start, before the set-up is to blame."""


class Executor(Protocol):
    """Where tasks run."""

    @property
    def devices(self) -> Sequence[str]:
        """What each slot computes on: `cpu`, or a value of CUDA_VISIBLE_DEVICES; see `slots`."""
        ...

    @property
    def capacity(self) -> int:
        """How many tasks can run at a time now; it may change, down to 0."""
        ...

    def idle(self) -> list[int]:
        """Return the slots that can take a task now."""
        ...

    def process(self, slot: int) -> int:
        """Return the id of the process that serves a slot, or of the first of them.

        It is 0 for a process of another machine.
        """
        ...

    def submit(self, slot: int, task: Task) -> None:
        """Start a task in an idle slot."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """Return what has happened, after `seconds` at the latest if nothing has.

        Raises UserError if workers cannot start.
        """
        ...

    def kill(self, slot: int) -> None:
        """End the task of a slot without an event, and make the slot fit for another."""
        ...

    def close(self) -> None:
        """End everything at once."""
        ...


class Pool:
    """Persistent worker processes, one a slot or a group of them, driven from a single thread."""

    def __init__(self, entry: str, devices: Sequence[str], log: Path, beside: int = 0) -> None:
        """Start workers for each of `devices`; what they print between trials goes to `log`.

        On each device there are so many workers of others `beside` them.
        """
        self._entry, self._log, self.devices, self._beside = entry, log, devices, beside
        self._resources = ExitStack()
        self._server = self._resources.enter_context(fork_servers.serving(entry))
        self._selector = selectors.DefaultSelector()
        self._groups: dict[int, WorkerGroup] = {}
        self._killed_starts = [0] * len(devices)
        for slot in range(len(devices)):
            self._start(slot)

    @property
    def capacity(self) -> int:
        """How many slots there are."""
        return len(self.devices)

    def idle(self) -> list[int]:
        """Return the slots whose workers are warm and have no task."""
        return [slot for slot, group in self._groups.items() if group.ready and group.task is None]

    def process(self, slot: int) -> int:
        """Return the process id of the first worker of a slot."""
        return self._groups[slot].workers[0].process.pid

    def submit(self, slot: int, task: Task) -> None:
        """Send a task to the idle workers of a slot. The next `wait` reports one that is dead."""
        self._groups[slot].submit(task)

    def wait(self, seconds: float) -> list[Event]:
        """Collect records and results, and replace workers that died or may be spoilt."""
        events: list[Event] = []
        for key, _ in self._selector.select(seconds):
            events += self._read(*key.data)
        for slot in [slot for slot, group in self._groups.items() if group.dead]:
            events += self._replace_dead(slot)
        log_files.trim(self._log)
        return events

    def kill(self, slot: int) -> None:
        """Kill the workers of a slot and their children; fresh ones take it."""
        self._stop(slot)
        self._start(slot)

    def close(self) -> None:
        """Kill every worker."""
        if self._server is not None:
            self._server.close_unready()
        for group in self._groups.values():  # all at once: to give memory back takes each a while
            group.kill()
        for slot in list(self._groups):
            self._stop(slot)
        self._selector.close()
        self._resources.close()

    def _start(self, slot: int) -> None:
        own, devices = each(self.devices[slot]), [d for text in self.devices for d in each(text)]
        count = len(self.devices) + self._beside
        environs = [
            environment(device, devices.count(device) + self._beside, count)
            | {memory.DEVICES: self.devices[slot]}
            for device in own
        ]
        server = self._server if self._server is not None and self._server.lives else None
        self._groups[slot] = group = WorkerGroup(self._entry, environs, self._log, server)
        for rank, process in enumerate(group.workers):
            self._selector.register(process.records, selectors.EVENT_READ, (slot, rank))

    def _stop(self, slot: int) -> None:
        group = self._groups.pop(slot)
        for process in group.workers:
            self._selector.unregister(process.records)
        group.end()

    def _read(self, slot: int, rank: int) -> list[Event]:
        group = self._groups[slot]
        lines = group.workers[rank].read_lines()
        if group.workers[rank].closed:
            self._hang_up(group.workers[rank])
        events = [event for line in lines or () for event in group.receive(slot, rank, line)]
        if group.unfit:
            self.kill(slot)
        return events

    @staticmethod
    def _hang_up(process: WorkerProcess) -> None:
        """End a worker whose end of the pipe is closed: it is dying, or as good as dead."""
        with suppress(subprocess.TimeoutExpired):
            process.process.wait(TRACEBACK_TIME)
        if process.dead:
            process.end(closing=False)
        else:
            process.break_off("it closed the pipe to its runner")

    def _replace_dead(self, slot: int) -> list[Event]:
        group = self._groups[slot]
        events = group.drain(slot)
        if group.ready:
            self._killed_starts[slot] = 0
        else:
            self._check_start(slot, group)
        events += group.report_death(slot)
        self.kill(slot)
        return events

    def _check_start(self, slot: int, group: WorkerGroup) -> None:
        """Raise UserError if workers cannot start here; one that is killed has another try."""
        victim = next(worker for worker in group.workers if worker.dead)
        code = victim.process.wait()
        self._killed_starts[slot] += 1
        if code < 0 and not victim.fault and self._killed_starts[slot] < STARTS:
            return
        why = last_line(self._log) if code > 0 else victim.fault or f"it {describe_exit(code)}"
        raise UserError(f"{self._log}: a worker could not start: {why}; mend that and rerun")


class InProcess:
    """One slot that runs tasks in this process: for debuggers; no time limit, no isolation."""

    def __init__(self, entry: str) -> None:
        """Load the entry here."""
        self.devices: Sequence[str] = (HERE,)
        self._entry = worker.load(entry)
        self._task: Task | None = None
        self.capacity = 1

    def idle(self) -> list[int]:
        """Return slot 0, unless it has a task."""
        return [] if self._task else [0]

    def process(self, slot: int) -> int:
        """Return the id of this process."""
        del slot
        return os.getpid()

    def submit(self, slot: int, task: Task) -> None:
        """Keep the task; it runs in `wait`. Its trials' logs get their epochs and nothing else."""
        del slot
        self._task = task
        for part in task.split() if task.action is Action.TRAIN else ():
            with suppress(OSError):
                part.log.touch()

    def wait(self, seconds: float) -> list[Event]:
        """Run the task to its end, if there is one; output goes where this process's goes."""
        del seconds
        if self._task is None:
            return []
        events: list[Event] = []

        def emit(number: int, record: Record) -> None:
            events.append(Progress(0, number, record))

        with stop_signals.patience(0):  # a trial is stopped as that of a worker is
            stop_signals.check()
            for lines in worker.perform(self._entry, self._task, emit):
                events.extend(map(_finished, lines))
        self._task = None
        return events

    def kill(self, slot: int) -> None:
        """Nothing runs between two calls of `wait`."""
        del slot

    def close(self) -> None:
        """Nothing to end."""


def _finished(line: str) -> Event:
    record = json.loads(line)
    return Finished(0, record["trial"], Result.from_json(record["result"]))
