"""The driver's side of a slot: the actor on a node, the call that it is answering, and its task."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import (
    ActorUnschedulableError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    RuntimeEnvSetupError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from espalier.core.process.terminal import printable
from espalier.core.trial import Result, Status, Task
from espalier.run.ray.cluster_slots import Node, SlotNeed
from espalier.run.ray.courier import Courier, Parcel
from espalier.run.ray.node_files import FolderChanges
from espalier.run.ray.slot_actor import NodeMemory, SlotActor, SlotReport
from espalier.run.workers import worker
from espalier.run.workers.worker import OOM
from espalier.run.workers.worker_process import Event, Finished
from espalier.store.attempt import INTERRUPTED

CLEARANCE = 1.0
"""Seconds that a slot has to say what a task printed that is ended from outside."""


@dataclass(frozen=True)
class ActorTerms:
    """What the actors of a sweep have in common."""

    entry: str
    places: Mapping[str, str]
    need: SlotNeed
    ranks: int

    def start(self, node: Node) -> Any:
        """Return the handle of an actor that begins on a node, and stays there."""
        need = self.need
        beside = (need.sharers if need.gpus else need.room(node)) - 1
        there = NodeAffinitySchedulingStrategy(node.id, soft=False)
        options = {"num_cpus": need.cpus, "num_gpus": need.gpus, "memory": need.memory}
        actor = ray.remote(SlotActor).options(scheduling_strategy=there, max_restarts=0, **options)
        return actor.remote(self.entry, self.places, self.ranks, beside)


class SlotLostError(Exception):
    """The actor of a slot, or its node, is gone; `result` is what that means for its trials."""

    def __init__(self, result: Result) -> None:
        """Keep the result of the trials that were under way."""
        super().__init__(result.message)
        self.result = result


class SlotFaultError(Exception):
    """No worker can start in a slot; the text says why."""


class RemoteSlot:
    """A slot on a node. It answers one call at a time; while it is idle there is none."""

    def __init__(self, node: Node, terms: ActorTerms) -> None:
        """Let an actor begin; it is not ready yet."""
        self.node, self.device = node, ""
        self.versions: Mapping[str, str] = {}
        self.task: Task | None = None
        self.due: list[int] = []  # trials of the task that have not ended
        self.begun = time.monotonic()
        self.memory: NodeMemory | None = None  # by the last report
        self._actor = terms.start(node)
        self.call: Any = self._actor.describe.remote()  # the answer that is awaited
        self._stale: list[Any] = []  # answers about a task that was ended before they came
        self._killed: Task | None = None

    @property
    def idle(self) -> bool:
        """Whether its worker is warm and has no task."""
        return self.call is None

    @property
    def warm(self) -> bool:
        """Whether its worker has ever been ready for a task."""
        return self.idle or self.task is not None

    def submit(self, task: Task, parcel: Parcel) -> None:
        """Send a task to the idle slot."""
        self.task, self.due = task, task.due
        self.call = self._actor.advance.remote(parcel)

    def kill(self) -> None:
        """Let the actor end the task; what it still says of it is no event."""
        self._stale = [] if self.call is None else [self.call]
        self._killed, self.task, self.due = self.task, None, []
        self.call = self._actor.reset.remote()
        ray.wait([self.call], timeout=CLEARANCE)

    def close(self) -> Any:
        """Let the actor end its worker; return the call that answers when it has."""
        return self._actor.close.remote()

    def discard(self) -> None:
        """End the actor at once, and its worker with it."""
        with suppress(RayError):
            ray.kill(self._actor)

    def receive(self, courier: Courier) -> list[Event]:
        """Take in the answer that has come; return the events, their files being in the results.

        Raises SlotLostError, SlotFaultError, and what `bring_back` raises.
        """
        answer = self._answer(self.call)
        if not isinstance(answer, SlotReport):
            self.device, self.versions = answer
            self.call = self._actor.advance.remote()
            return []
        if self._killed is not None:
            self._keep_logs(self._killed, answer, courier)
        elif self.task is not None:
            for number, changes in answer.changes.items():
                courier.bring_back(self.task, number, changes)
        return self._take_in(answer)

    def _take_in(self, report: SlotReport) -> list[Event]:
        """Note what a report says, and wait for the next one unless the slot is idle."""
        if report.fault:
            raise SlotFaultError(report.fault)
        self.memory = report.memory
        ended = [event.number for event in report.events if isinstance(event, Finished)]
        self.due = [number for number in self.due if number not in ended]
        over = report.idle and not self.due
        self.task = None if over else self.task
        self.call = None if over else self._actor.advance.remote()
        return list(report.events)

    def _keep_logs(self, task: Task, last: SlotReport, courier: Courier) -> None:
        """Keep what the trials of a task that was ended have printed, and nothing else of theirs.

        What else they left may be in the way of an attempt that has begun since.
        """
        self._killed, stale, self._stale = None, self._stale, []
        for report in [*map(self._answer, stale), last]:
            changes = report.changes if isinstance(report, SlotReport) else {}
            for number, each in changes.items():
                courier.bring_back(task, number, FolderChanges(log=each.log))

    def _answer(self, call: Any) -> Any:
        """Return an answer. Raises SlotLostError, SlotFaultError."""
        try:
            return ray.get(call)
        except (RuntimeEnvSetupError, ActorUnschedulableError) as error:
            raise SlotFaultError(first_line(error)) from error
        except RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise SlotFaultError(last_line_of(error)) from error
            raise SlotLostError(self._loss(error)) from error

    def _loss(self, error: RayError) -> Result:
        """Return what the trials of this slot end with when its actor is gone."""
        count, where = len(self.task.trials) if self.task else 1, f"node {self.node.address}"
        if isinstance(error, OutOfMemoryError):
            what = f"{where}: Ray ended the trial for lack of memory"
            return worker.of_several(count, Result(Status.ERROR, OOM, what))
        if isinstance(error, RayTaskError):
            what = f"{where}: {printable(last_line_of(error))}"
            return worker.of_several(count, Result(Status.ERROR, "crash", what))
        return replace(INTERRUPTED, message=f"{where} was lost while this trial ran")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text that says anything."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def last_line_of(error: BaseException) -> str:
    """Return the last line of an error's text that says anything: of a traceback, the error."""
    return next((line.strip() for line in str(error).splitlines()[::-1] if line.strip()), "")
