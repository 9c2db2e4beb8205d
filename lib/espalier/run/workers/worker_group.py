"""The workers of one slot: one, or as many as train a trial together, each on a device of its own.

All begin and end together: of a trial over several of them, the first error or death is that of the
trial, and none of its workers is left waiting for another. The first of them, rank 0, reports the
trial's progress and its result.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from espalier.core.trial import Task
from espalier.run.workers.fork_client import ForkServer
from espalier.run.workers.worker_process import LEFT_READS, Event, Finished, WorkerProcess, spoils

DEATH_NOTICE = 0.2
"""Seconds that another worker has to be seen dead, when one has lost its companion."""


class WorkerGroup:
    """The workers of a slot of a pool, by rank, and the task that they have."""

    def __init__(
        self,
        entry: str,
        environs: Sequence[dict[str, str]],
        log: Path,
        server: ForkServer | None = None,
    ) -> None:
        """Start a worker in each of the environments; see `WorkerProcess`."""
        self.workers = [WorkerProcess(entry, environ, log, server) for environ in environs]
        self._rendezvous_files: tempfile.TemporaryDirectory[str] | None = None
        self._tasks = 0

    @property
    def ready(self) -> bool:
        """Whether all are warm."""
        return all(worker.ready for worker in self.workers)

    @property
    def task(self) -> Task | None:
        """The task that is not over yet."""
        return next((worker.task for worker in self.workers if worker.task is not None), None)

    @property
    def unfit(self) -> bool:
        """Whether a trial that ended in an error may have spoilt a worker, and none still runs."""
        spoilt = any(worker.spoilt for worker in self.workers)
        return spoilt and (self.task is None or self._trial_ended)

    @property
    def _trial_ended(self) -> bool:
        """Whether those that still work do so for a trial that has ended."""
        return len(self.workers) > 1 and not self.workers[0].due

    @property
    def dead(self) -> bool:
        """Whether one of them has died."""
        return any(worker.dead for worker in self.workers)

    def submit(self, task: Task) -> None:
        """Send `task` to its `ranks` workers; they rendezvous through a file."""
        path = self._rendezvous_path() if task.ranks > 1 else ""
        for rank, worker in enumerate(self.workers[: task.ranks]):
            worker.submit(replace(task, rank=rank, rendezvous=path))

    def receive(self, slot: int, rank: int, line: bytes) -> list[Event]:
        """Take in a line of the worker `rank`; return the events of `slot` that it reports."""
        first = self.workers[0]
        events = self.workers[rank].receive(slot, line)
        if rank == 0:
            return [self._explain(slot, event) for event in events]
        errors = [e for e in events if isinstance(e, Finished) and spoils(e.result)]
        errors = [event for event in errors if event.number in first.due]
        for event in errors:
            first.due.remove(event.number)
        return [*errors]

    def drain(self, slot: int) -> list[Event]:
        """Return the events that are still unread in the pipes."""
        events: list[Event] = []
        for rank, worker in enumerate(self.workers):
            for _ in range(LEFT_READS):
                if (lines := worker.read_lines()) is None:
                    break
                events += [event for line in lines for event in self.receive(slot, rank, line)]
        return events

    def report_death(self, slot: int) -> list[Event]:
        """Return the end of each trial that they had when one of them died, if one has."""
        victim = next((worker for worker in self.workers if worker.dead), None)
        if victim is None:
            return []
        victim.task, victim.due = self.task, self.workers[0].due
        return victim.report_death(slot)

    def kill(self) -> None:
        """Kill them all and whatever they started, without waiting for that."""
        for worker in self.workers:
            worker.kill()

    def end(self) -> None:
        """Kill them all and whatever they started."""
        self.kill()
        for worker in self.workers:
            worker.end()
        if self._rendezvous_files is not None:
            self._rendezvous_files.cleanup()

    def _rendezvous_path(self) -> str:
        """Return a path that was never used: an earlier trial's file would mislead the next."""
        if self._rendezvous_files is None:
            self._rendezvous_files = tempfile.TemporaryDirectory(prefix="espalier-")
        self._tasks += 1
        return str(Path(self._rendezvous_files.name) / f"{self._tasks}")

    def _explain(self, slot: int, event: Event) -> Event:
        """Blame an error of rank 0 on the death of another worker, if there is such a one."""
        if isinstance(event, Finished) and spoils(event.result):
            for worker in (worker for worker in self.workers[1:] if worker.due):
                with suppress(subprocess.TimeoutExpired):
                    worker.process.wait(DEATH_NOTICE)
                    return worker.report_death(slot)[0]
        return event
