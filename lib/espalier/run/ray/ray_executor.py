"""The slots of a Ray cluster as an executor: nodes that come are used, those that go are left.

The store has one writer, which is not here: what a node says is data that this process hands on. A
trial whose node or actor is lost has an interrupted attempt, which uses up none of its allowance.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from espalier.core.errors import UserError
from espalier.core.process.terminal import printable
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result, Status, Task
from espalier.run.pool import STARTS
from espalier.run.ray import node_memory
from espalier.run.ray.cluster_slots import ClusterNode, SlotNeed, missing
from espalier.run.ray.courier import Courier
from espalier.run.ray.remote_slot import ActorFaultError, ActorLostError, Actors, RemoteSlot
from espalier.run.workers.worker import DISK_FULL
from espalier.run.workers.worker_process import Event, Finished
from espalier.store.attempt import INTERRUPTED

LOOK = 1.0
"""Seconds between two looks at which nodes there are."""
FAREWELL = 5.0
"""Seconds that actors have to end their workers by themselves."""
START_PATIENCE = 60.0
"""Seconds after which a slot that has not started is not counted on: others may hold its node."""
LOSSES = 5
"""How often a trial may lose its actor or node before that is taken for the trial's own doing."""


class RayExecutor:
    """Actors on the nodes of a cluster, one a slot, driven from a single thread."""

    def __init__(
        self,
        actors: Actors,
        courier: Courier,
        nodes: Callable[[], list[ClusterNode]],
        need: SlotNeed,
        limit: int,
    ) -> None:
        """Let up to `limit` slots begin; `nodes` returns the nodes that are alive now."""
        self._actors, self._courier, self._nodes = actors, courier, nodes
        self._need, self._limit = need, limit
        self._slots: dict[int, RemoteSlot] = {}
        self._left_out: set[str] = set()  # ids of nodes where no worker starts
        self._false_starts: Counter[str] = Counter()  # of actors, by the id of their node
        self._losses: Counter[int] = Counter()  # of actors, by trial
        self._seen: dict[str, str] | None = None  # addresses of nodes by ids, at the last look
        self._ever_warm = False
        self._looked = 0.0
        self._look()

    @property
    def devices(self) -> Sequence[str]:
        """What each slot computes on, and on which node; empty for a slot that is gone."""
        count = max(self._slots, default=-1) + 1
        slots = [self._slots.get(number) for number in range(count)]
        return [f"{slot.device}@{slot.node.address}" if slot else "" for slot in slots]

    @property
    def capacity(self) -> int:
        """How many tasks can run at a time now: slots that are warm, or may soon be."""
        late = time.monotonic() - START_PATIENCE
        return sum(slot.warm or slot.begun > late for slot in self._slots.values())

    def idle(self) -> list[int]:
        """Return the slots whose workers are warm and have no task, as memory of nodes allows."""
        return node_memory.affordable(self._slots)

    def process(self, slot: int) -> int:
        """Return 0: the process is one of another machine."""
        del slot
        return 0

    def submit(self, slot: int, task: Task) -> None:
        """Send a task to an idle slot. If its node is gone, that shows later."""
        self._slots[slot].submit(task, self._courier.outward(task))

    def wait(self, seconds: float) -> list[Event]:
        """Collect events, let go of slots that are lost, and begin others where there is room.

        Raises UserError if workers cannot start on any node.
        """
        calls = {slot.call: number for number, slot in self._slots.items() if not slot.idle}
        if calls:
            answered = self._actors.answered([*calls], seconds)
        else:
            answered = []
            time.sleep(seconds)
        events = [event for call in answered for event in self._receive(calls[call])]
        if time.monotonic() - self._looked > LOOK:
            events += self._look()
        return events

    def kill(self, slot: int) -> None:
        """End the task of a slot without an event; a fresh worker takes the slot."""
        self._slots[slot].kill()

    def close(self) -> None:
        """End every actor and its worker; what they do not end in time ends with them.

        An actor that is still starting ends at once.
        """
        calls = [slot.close() for slot in self._slots.values() if slot.device]
        if calls:
            self._actors.answered(calls, FAREWELL, every=True)
        for slot in self._slots.values():
            slot.discard()
        self._slots.clear()

    def _receive(self, number: int) -> list[Event]:
        """Take in the answer of a slot."""
        slot = self._slots.get(number)
        if slot is None:  # lost with its node since
            return []
        try:
            events = slot.receive(self._courier)
        except ActorLostError as error:
            return self._lose([number], slot.loss(error))
        except ActorFaultError as error:
            return self._leave_out(slot.node, printable(str(error)))
        self._ever_warm = self._ever_warm or slot.warm
        return [_of_slot(number, slot.node, event) for event in events]

    def _lose(self, numbers: Iterable[int], result: Result) -> list[Event]:
        """Let go of slots; return the ends of the trials that they had."""
        events: list[Event] = []
        for number in numbers:
            slot = self._slots.pop(number)
            slot.discard()
            events += [Finished(number, trial, self._loss(trial, result)) for trial in slot.due]
            self._false_starts[slot.node.id] += not slot.warm
            if self._false_starts[slot.node.id] == STARTS:
                events += self._leave_out(slot.node, "its workers end as they start")
        return events

    def _loss(self, trial: int, result: Result) -> Result:
        """Return what a trial ends with whose actor is gone: at last it is the trial's doing."""
        self._losses[trial] += 1
        if result.reason == INTERRUPTED.reason and self._losses[trial] > LOSSES:
            times = count_text(self._losses[trial], "time")
            return Result(Status.ERROR, "crash", f"{result.message}; that makes {times}")
        return result

    def _leave_out(self, node: ClusterNode, why: str) -> list[Event]:
        """Use a node no more, as no worker can start there.

        Return the ends of trials that run there. Raises UserError if no other node has a slot.
        """
        self._left_out.add(node.id)
        result = replace(INTERRUPTED, message=f"node {node.address} is left out: {why}")
        events = self._lose(self._on(lambda name: name == node.id), result)
        if not self._slots and not self._ever_warm:
            raise UserError(f"node {node.address}: {why}")
        print(f"note: node {node.address} is left out: {why}", flush=True)
        return events

    def _look(self) -> list[Event]:
        """See which nodes there are; return the ends of trials whose node has gone."""
        self._looked = time.monotonic()
        nodes = self._nodes()
        now = {node.id: node.address for node in nodes}
        result = replace(INTERRUPTED, message="its node left the cluster")
        events = self._lose(self._on(lambda name: name not in now), result)
        held = [slot.node.id for slot in self._slots.values()]
        usable = [node for node in nodes if node.id not in self._left_out]
        for node in missing(usable, held, self._need, self._limit):
            number = next(n for n in itertools.count() if n not in self._slots)
            self._slots[number] = RemoteSlot(node, self._actors)
        self._tell_changes(now)
        return events

    def _on(self, matches: Callable[[str], bool]) -> list[int]:
        """Return the slots on nodes whose ids match."""
        return [number for number, slot in self._slots.items() if matches(slot.node.id)]

    def _tell_changes(self, now: dict[str, str]) -> None:
        """Say which nodes have come and gone since the last look, and what that leaves."""
        before, self._seen = now if self._seen is None else self._seen, now
        words = [f"node {before[name]} is gone" for name in before if name not in now]
        words += [f"node {now[name]} has joined" for name in now if name not in before]
        if words:
            left = f"{self.capacity} at a time" if self._slots else "trials wait for a node"
            print(f"note: {', '.join(words)}: {left}", flush=True)


def _of_slot(number: int, node: ClusterNode, event: Event) -> Event:
    """Return an event of a slot by its number here.

    A full disk of a node is no reason to stop the sweep, whose results are elsewhere.
    """
    if isinstance(event, Finished) and event.result.reason == DISK_FULL:
        message = f"node {node.address}: {event.result.message}"
        event = replace(event, result=replace(event.result, reason="crash", message=message))
    return replace(event, slot=number)
