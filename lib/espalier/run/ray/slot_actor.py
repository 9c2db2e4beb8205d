"""A slot of a node: an actor that has a worker of its own and does one task after the other in it.

The worker is the process that a pool of one machine starts, so time-outs, crashes and lack of
memory end a trial and not the actor. One thread answers one call at a time, and no call takes long.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from espalier.core import revision, strict_json
from espalier.core.errors import UserError
from espalier.core.process import process_memory
from espalier.core.process.memory import available
from espalier.core.trial import Result, Task
from espalier.run.executor_choice import WORKERS_LOG
from espalier.run.pool import Pool
from espalier.run.ray.courier import Parcel
from espalier.run.ray.node_files import FolderChanges
from espalier.run.ray.node_home import NodeHome
from espalier.run.workers import worker
from espalier.run.workers.worker_process import Event, Finished, Progress

POLL = 0.25
"""Seconds after which a call answers at the latest, so that a wish to end the task is heard."""
SYNC = 1.0
"""Seconds between two times that a running trial's files are sent."""
COMPILING = "PYTHONDONTWRITEBYTECODE"
"""A variable that Ray sets: every worker would compile the library again."""


class NodeMemory(NamedTuple):
    """Bytes: free on a node, and what a slot's worker has to itself now and had at most."""

    free: int
    now: int
    peak: int


@dataclass(frozen=True)
class SlotReport:
    """What has happened in a slot since its last report.

    `changes` are what trials have left, by their numbers. A `fault` is why no worker can start.
    """

    idle: bool
    memory: NodeMemory
    events: Sequence[Event] = ()
    changes: Mapping[int, FolderChanges] = field(default_factory=dict)
    fault: str = ""


class SlotActor:
    """The worker of one slot, or those that train a trial together, and the files of its task."""

    def __init__(self, entry: str, home: NodeHome, device: str, beside: int) -> None:
        """Start the worker on a device, which is a text of `slots`; see `Pool`."""
        os.environ.pop(COMPILING, None)
        self._home, self._device = home, device
        self._pool = Pool(entry, [device], home.folder / WORKERS_LOG, beside)
        self._task: Task | None = None
        self._open: set[int] = set()  # the trials of the task that have not ended
        self._synced = 0.0

    def describe(self) -> tuple[str, dict[str, str]]:
        """Return the device and the versions of the packages here."""
        return self._device, revision.versions()

    def advance(self, parcel: Parcel | None = None) -> SlotReport:
        """Begin the task of a parcel if there is one; report what happens, within a moment."""
        if parcel is not None and (failed := self._begin(parcel)):
            return self._report(failed)
        end = time.monotonic() + POLL
        while True:
            try:
                events = self._pool.wait(max(0.0, end - time.monotonic()))
            except UserError as error:
                return self._report([], str(error))
            if events or self._pool.idle() or time.monotonic() >= end:
                return self._report(events)

    def reset(self) -> SlotReport:
        """End the task without an event of it; a fresh worker takes the slot."""
        self._pool.kill(0)
        changes = {number: self._home.changes(number, True) for number in self._open}
        self._leave()
        return replace(self._report([]), changes=changes)

    def close(self) -> None:
        """End the worker, and remove what was written here."""
        self._pool.close()
        self._home.close()

    def _begin(self, parcel: Parcel) -> list[Event]:
        """Start a task; return its end if its files cannot be here."""
        try:
            self._task = self._home.enter(parcel)
        except OSError as error:
            task = Task.from_json(parcel.task)
            result = worker.of_several(len(task.due), worker.failure(error))
            return [Finished(0, number, result) for number in task.due]
        self._open, self._synced = {*self._task.due}, time.monotonic()
        self._pool.submit(0, self._task)
        return []

    def _report(self, events: Sequence[Event], fault: str = "") -> SlotReport:
        """Return a report of events, with the files that they are about."""
        changes = dict(self._changes(events))
        events = [self._homeward(event) for event in events]
        idle = bool(self._pool.idle())
        if idle and self._task is not None:
            self._leave()
        held = process_memory.private_memory(self._pool.process(0))
        memory = NodeMemory(available(), *held)
        return SlotReport(idle, memory, events, changes, fault)

    def _changes(self, events: Sequence[Event]) -> Iterator[tuple[int, FolderChanges]]:
        """Yield what the trials of the task have left: those that ended, and now and then others.

        A probe has no result of its trials' own, but a log.
        """
        ended = {event.number for event in events if isinstance(event, Finished)}
        self._open -= ended
        running: set[int] = set()
        if time.monotonic() - self._synced > SYNC:
            self._synced, running = time.monotonic(), self._open
        for number in sorted(ended | running):
            yield number, self._home.changes(number, number in ended)

    def _homeward(self, event: Event) -> Event:
        """Return an event with the driver's paths."""
        if isinstance(event, Progress):
            return event
        record = strict_json.encode(event.result.as_json()).encode()
        return replace(event, result=Result.from_json(json.loads(self._home.homeward(record))))

    def _leave(self) -> None:
        self._task = None
        self._open.clear()
        self._home.leave()
