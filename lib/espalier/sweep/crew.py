"""The workers of one slot: one, or as many as train a trial together, each on a device of its own.

All begin and end together: of a trial over several of them, the first error or death is that of the
trial, and none of its workers is left waiting for another. The first of them, rank 0, tells how far
the trial is and what has come of it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from espalier.sweep.child import Child, Event, Finished, spoils
from espalier.sweep.worker import Task

NOTICED = 0.2  # seconds that another worker has to be seen dead, when one has lost its companion


class Crew:
    """The workers of a slot of a pool, and the task that they have."""

    def __init__(self, entry: str, sees: Sequence[dict[str, str]], log: Path) -> None:
        """Start a worker in each of the environments `sees`; see `Child`."""
        self.members = [Child(entry, one, log) for one in sees]
        self._meetings: tempfile.TemporaryDirectory[str] | None = None
        self._tasks = 0

    @property
    def ready(self) -> bool:
        """Whether all are warm."""
        return all(one.ready for one in self.members)

    @property
    def task(self) -> Task | None:
        """What is not over yet."""
        return next((one.task for one in self.members if one.task is not None), None)

    @property
    def unfit(self) -> bool:
        """Whether a trial that ended in an error may have spoilt a worker, and none still runs."""
        return any(one.spoilt for one in self.members) and (self.task is None or self._lost)

    @property
    def _lost(self) -> bool:
        """Whether those that still work do so for a trial that has ended."""
        return len(self.members) > 1 and not self.members[0].due

    @property
    def dead(self) -> bool:
        """Whether one of them has died."""
        return any(one.child.poll() is not None for one in self.members)

    def take(self, task: Task) -> None:
        """Hand a task to as many of them as it is for, who meet by a file of its own."""
        meeting = self._meeting() if task.ranks > 1 else ""
        for rank, one in enumerate(self.members[: task.ranks]):
            one.take(replace(task, rank=rank, meeting=meeting))

    def heard(self, slot: int, rank: int, line: bytes) -> list[Event]:
        """What a line of one of them tells of the trials in `slot`."""
        first = self.members[0]
        events = self.members[rank].heard(slot, line)
        if rank == 0:
            return [self._explained(slot, event) for event in events]
        ended = [e for e in events if isinstance(e, Finished) and spoils(e.result)]
        ended = [event for event in ended if event.number in first.due]
        for event in ended:
            first.due.remove(event.number)
        return [*ended]

    def rest(self, slot: int) -> list[Event]:
        """What they have said and nobody has heard."""
        events: list[Event] = []
        for rank, one in enumerate(self.members):
            while (lines := one.lines()) is not None:
                events += [event for line in lines for event in self.heard(slot, rank, line)]
        return events

    def died(self, slot: int) -> list[Event]:
        """What the death of one of them means for the trials that they had, if any."""
        gone = next((one for one in self.members if one.child.poll() is not None), None)
        if gone is None:
            return []
        gone.task, gone.due = self.task, self.members[0].due
        return gone.died(slot)

    def end(self) -> None:
        """Kill them all and whatever they started."""
        for one in self.members:
            one.end()
        if self._meetings is not None:
            self._meetings.cleanup()

    def _meeting(self) -> str:
        """A path that was never used: a file left by an earlier trial would mislead the next."""
        self._meetings = self._meetings or tempfile.TemporaryDirectory(prefix="espalier-")
        self._tasks += 1
        return str(Path(self._meetings.name) / f"{self._tasks}")

    def _explained(self, slot: int, event: Event) -> Event:
        """An error of rank 0 is the death of the one that it has lost, if there is such a one."""
        if isinstance(event, Finished) and spoils(event.result):
            for one in (one for one in self.members[1:] if one.due):
                with suppress(subprocess.TimeoutExpired):
                    one.child.wait(NOTICED)
                    return one.died(slot)[0]
        return event
