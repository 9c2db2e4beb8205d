"""Executors: where trials run. Worker processes, or this process for debugging.

An executor has numbered slots. A slot is idle, or has one task; `wait` tells what happened. A
worker that dies is data about its trials and is replaced by a fresh one, and so is one of whose
trials one ended in an error, once the others have ended too; a worker that cannot even start is a
fault of the set-up and stops the sweep.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from espalier.errors import UserError
from espalier.sweep import worker
from espalier.sweep.child import Event, Progress, environment, event_of, last_line
from espalier.sweep.crew import Crew
from espalier.sweep.devices import HERE, each
from espalier.sweep.worker import Task

LAST_WORDS = 1.0  # seconds a dying worker has to print its traceback


class Executor(Protocol):
    """Where tasks run."""

    devices: Sequence[str]
    """What each slot computes on: `cpu`, or a value of CUDA_VISIBLE_DEVICES; see `slots`."""

    def idle(self) -> list[int]:
        """The slots that can take a task now."""
        ...

    def process(self, slot: int) -> int:
        """The id of the process that serves a slot, or the first of them."""
        ...

    def submit(self, slot: int, task: Task) -> None:
        """Start a task in an idle slot."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """What has happened; returns after `seconds` at the latest if nothing has.

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
    """Persistent worker processes, one a slot or a crew of them, driven from a single thread."""

    def __init__(self, entry: str, devices: Sequence[str], log: Path) -> None:
        """Start workers for each of `devices`; what they print between trials goes to `log`."""
        self._entry, self._log, self.devices = entry, log, devices
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Crew] = {}
        for slot in range(len(devices)):
            self._start(slot)

    def idle(self) -> list[int]:
        """The slots whose workers are warm and have no task."""
        return [slot for slot, one in self._workers.items() if one.ready and one.task is None]

    def process(self, slot: int) -> int:
        """The worker's process id."""
        return self._workers[slot].members[0].child.pid

    def submit(self, slot: int, task: Task) -> None:
        """Hand a task to an idle worker. A worker found dead is reported by the next `wait`."""
        self._workers[slot].take(task)

    def wait(self, seconds: float) -> list[Event]:
        """Collect records and results, and replace workers that died or may be spoilt."""
        events: list[Event] = []
        for key, _ in self._selector.select(seconds):
            events += self._read(*key.data)
        for slot in [slot for slot, one in self._workers.items() if one.dead]:
            events += self._bury(slot)
        return events

    def kill(self, slot: int) -> None:
        """Kill the workers of a slot and their children; fresh ones take it."""
        self._stop(slot)
        self._start(slot)

    def close(self) -> None:
        """Kill every worker."""
        for slot in list(self._workers):
            self._stop(slot)
        self._selector.close()

    def _start(self, slot: int) -> None:
        own, all_of = each(self.devices[slot]), [d for text in self.devices for d in each(text)]
        sees = [environment(one, all_of.count(one), len(self.devices)) for one in own]
        self._workers[slot] = crew = Crew(self._entry, sees, self._log)
        for rank, one in enumerate(crew.members):
            self._selector.register(one.records, selectors.EVENT_READ, (slot, rank))

    def _stop(self, slot: int) -> None:
        crew = self._workers.pop(slot)
        for one in crew.members:
            self._selector.unregister(one.records)
        crew.end()

    def _read(self, slot: int, rank: int) -> list[Event]:
        crew = self._workers[slot]
        one = crew.members[rank]
        lines = one.lines()
        if lines is None:  # its end of the pipe is closed: it is dying, or as good as dead
            with suppress(subprocess.TimeoutExpired):
                one.child.wait(LAST_WORDS)
            one.end(closing=False)
            return []
        events = [event for line in lines for event in crew.heard(slot, rank, line)]
        if crew.unfit:
            self.kill(slot)
        return events

    def _bury(self, slot: int) -> list[Event]:
        one = self._workers[slot]
        events = one.rest(slot)
        if not one.ready:
            last = last_line(self._log)
            raise UserError(f"{self._log}: a worker could not start: {last}; mend that and rerun")
        events += one.died(slot)
        self.kill(slot)
        return events


class InProcess:
    """One slot that runs tasks in this process: for debuggers; no time limit, no isolation."""

    def __init__(self, entry: str) -> None:
        """Load the entry here."""
        self.devices: Sequence[str] = (HERE,)
        self._entry = worker.load(entry)
        self._task: Task | None = None

    def idle(self) -> list[int]:
        """Slot 0, unless it has a task."""
        return [] if self._task else [0]

    def process(self, slot: int) -> int:
        """This process."""
        del slot
        return os.getpid()

    def submit(self, slot: int, task: Task) -> None:
        """Keep the task; it runs in `wait`."""
        del slot
        self._task = task

    def wait(self, seconds: float) -> list[Event]:
        """Run the task to its end, if there is one; output goes where this process's goes."""
        del seconds
        if self._task is None:
            return []
        events: list[Event] = []
        for lines in worker.attempt(
            self._entry, self._task, lambda *told: events.append(Progress(0, *told))
        ):
            events.extend(event_of(0, json.loads(line)) for line in lines)
        self._task = None
        return events

    def kill(self, slot: int) -> None:
        """Nothing runs between two calls of `wait`."""
        del slot

    def close(self) -> None:
        """Nothing to end."""
