"""The driver's side of a slot: the actor on a node, the call that it is answering, and its task."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from espalier.core import revision
from espalier.core.process.terminal import printable
from espalier.core.trial import Result, Status, Task
from espalier.run.ray.cluster_slots import ClusterNode
from espalier.run.ray.courier import Courier, Parcel
from espalier.run.ray.node_files import FolderChanges
from espalier.run.ray.slot_actor import NodeMemory, SlotReport
from espalier.run.workers import worker
from espalier.run.workers.worker_process import Event, Finished
from espalier.store.attempt import INTERRUPTED

CLEARANCE = 1.0
"""Seconds that a slot has to say what a task printed that is ended from outside."""


class ActorLostError(Exception):
    """An actor or its node is gone: `reason` is that of the trials that it had."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason, and what has happened."""
        super().__init__(message)
        self.reason = reason


class ActorFaultError(Exception):
    """No worker can start in a slot; the text says why."""


class Actors(Protocol):
    """What starts actors on nodes and calls their methods: those of `SlotActor`."""

    def start(self, node: ClusterNode) -> Any:
        """Return the handle of an actor that begins on a node."""
        ...

    def call(self, actor: Any, method: str, *arguments: Any) -> Any:
        """Return a call of a method; an actor answers its calls in their order."""
        ...

    def answered(self, calls: Sequence[Any], seconds: float, every: bool = False) -> list[Any]:
        """Return the calls that have an answer: once there is one, or `every` one has."""
        ...

    def answer(self, call: Any) -> Any:
        """Return the answer of a call. Raises ActorFaultError, ActorLostError."""
        ...

    def end(self, actor: Any) -> None:
        """End an actor at once, and its worker with it."""
        ...


class RemoteSlot:
    """A slot on a node. It answers one call at a time; while it is idle there is none."""

    def __init__(self, node: ClusterNode, actors: Actors) -> None:
        """Let an actor begin; it is not ready yet."""
        self.node, self.device = node, ""
        self.task: Task | None = None
        self.due: list[int] = []  # trials of the task that have not ended
        self.begun = time.monotonic()
        self.warm = False  # whether its worker has ever been ready for a task
        self.memory = NodeMemory(0, 0, 0)  # by the last report, which came at `heard`
        self.heard = 0.0
        self._actors, self._actor = actors, actors.start(node)
        self.call: Any = actors.call(self._actor, "describe")  # the answer that is awaited
        self._stale: list[Any] = []  # answers about a task that was ended before they came
        self._killed: Task | None = None

    @property
    def idle(self) -> bool:
        """Whether its worker is warm and has no task."""
        return self.call is None

    def submit(self, task: Task, parcel: Parcel) -> None:
        """Send a task to the idle slot."""
        self.task, self.due = task, task.due
        self.call = self._actors.call(self._actor, "advance", parcel)

    def kill(self) -> None:
        """Let the actor end the task; what it still says of it is no event."""
        self._stale = [] if self.call is None else [self.call]
        self._killed, self.task, self.due = self.task, None, []
        self.call = self._actors.call(self._actor, "reset")
        self._actors.answered([self.call], CLEARANCE)

    def close(self) -> Any:
        """Let the actor end its worker; return the call that has an answer when it has."""
        return self._actors.call(self._actor, "close")

    def discard(self) -> None:
        """End the actor at once, and its worker with it."""
        self._actors.end(self._actor)

    def receive(self, courier: Courier) -> list[Event]:
        """Take in the answer that has come; return the events, their files being in the results.

        Raises ActorLostError, ActorFaultError, and what `bring_back` raises.
        """
        answer = self._actors.answer(self.call)
        if not isinstance(answer, SlotReport):
            self.device, versions = answer
            _check_versions(versions)
            self._advance()
            return []
        if self._killed is not None:
            self._keep_logs(self._killed, answer, courier)
        elif self.task is not None:
            for number, changes in answer.changes.items():
                courier.bring_back(self.task, number, changes)
        return self._take_in(answer)

    def loss(self, error: ActorLostError) -> Result:
        """Return what the trials of this slot end with, as its actor is gone."""
        message = f"node {self.node.address}: {printable(str(error))}"
        if error.reason == INTERRUPTED.reason:
            return replace(INTERRUPTED, message=message)
        count = len(self.task.trials) if self.task else 1
        return worker.of_several(count, Result(Status.ERROR, error.reason, message))

    def _advance(self) -> None:
        self.call = self._actors.call(self._actor, "advance")

    def _take_in(self, report: SlotReport) -> list[Event]:
        """Note what a report says, and wait for the next one unless the slot is idle."""
        if report.fault:
            raise ActorFaultError(report.fault)
        self.memory, self.heard = report.memory, time.monotonic()
        ended = [event.number for event in report.events if isinstance(event, Finished)]
        self.due = [number for number in self.due if number not in ended]
        if report.idle and not self.due:
            self.task, self.call, self.warm = None, None, True
        else:
            self._advance()
        return list(report.events)

    def _keep_logs(self, task: Task, last: SlotReport, courier: Courier) -> None:
        """Keep what the trials of a task that was ended have printed, and nothing else of theirs.

        What else they left may be in the way of an attempt that has begun since.
        """
        self._killed, stale, self._stale = None, self._stale, []
        for report in [*map(self._actors.answer, stale), last]:
            changes = report.changes if isinstance(report, SlotReport) else {}
            for number, each in changes.items():
                courier.bring_back(task, number, FolderChanges(log=each.log))


def _check_versions(there: Mapping[str, str]) -> None:
    """Raise ActorFaultError if a node has other versions of packages: its numbers could differ."""
    here = revision.versions()
    others = [name for name in here.keys() & there if here[name] != there[name]]
    if others:
        parts = (f"{name} {there[name]}, and {here[name]} is here" for name in sorted(others))
        raise ActorFaultError(f"it has {'; '.join(parts)}; install the same there")
