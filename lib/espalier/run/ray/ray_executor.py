"""The slots of a Ray cluster as an executor: nodes that come are used, those that go are left.

The store has one writer, which is not here: what a node says is data that this process hands on. A
trial whose node or actor is lost has an interrupted attempt, which uses up none of its allowance.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import ray
from ray.exceptions import RayError

from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result, Status, Task
from espalier.run.ray.cluster_slots import Node, missing
from espalier.run.ray.courier import Courier
from espalier.run.ray.remote_slot import ActorTerms, RemoteSlot, SlotFaultError, SlotLostError
from espalier.run.workers.worker import DISK_FULL
from espalier.run.workers.worker_process import Event, Finished
from espalier.store.attempt import INTERRUPTED

LOOK = 1.0
"""Seconds between two looks at which nodes there are."""
FAREWELL = 5.0
"""Seconds that actors have to end their workers by themselves."""
START_PATIENCE = 60.0
"""Seconds after which a slot that has not started yet is not counted on: others hold its node."""
LOSSES = 5
"""How often a trial may lose its actor on a node that lives, before that is the trial's doing."""


class RayExecutor:
    """Actors on the nodes of a cluster, one a slot, driven from a single thread."""

    def __init__(
        self, terms: ActorTerms, courier: Courier, nodes: Callable[[], list[Node]], most: int
    ) -> None:
        """Let up to `most` slots begin; `nodes` returns the nodes that are alive now."""
        self._terms, self._courier, self._nodes, self._most = terms, courier, nodes, most
        self._slots: dict[int, RemoteSlot] = {}
        self._faulty: dict[str, str] = {}  # why no worker starts on a node, by the node's id
        self._losses: Counter[int] = Counter()  # of actors, by trial
        self._false_starts: Counter[str] = Counter()  # of actors, by the id of their node
        self._seen: dict[str, str] = {}  # the addresses of nodes, by their ids
        self._seen_any = self._ever_warm = False
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
        now = time.monotonic()
        return sum(slot.warm or now - slot.begun < START_PATIENCE for slot in self._slots.values())

    @property
    def places(self) -> int:
        """How many nodes have slots."""
        return len({slot.node.id for slot in self._slots.values()})

    def idle(self) -> list[int]:
        """Return the slots whose workers are warm and have no task."""
        return [number for number, slot in self._slots.items() if slot.idle]

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
        calls = {slot.call: number for number, slot in self._slots.items() if slot.call is not None}
        if calls:
            ready, _ = ray.wait([*calls], num_returns=1, timeout=seconds)
            if ready:
                ready, _ = ray.wait([*calls], num_returns=len(calls), timeout=0)
        else:
            time.sleep(seconds)
            ready = []
        events = [event for call in ready for event in self._receive(calls[call])]
        if time.monotonic() - self._looked > LOOK:
            events += self._look()
        return events

    def kill(self, slot: int) -> None:
        """End the task of a slot without an event; a fresh worker takes the slot."""
        self._slots[slot].kill()

    def close(self) -> None:
        """End every actor and its worker; what they do not end in time ends with them."""
        with suppress(RayError):
            calls = [slot.close() for slot in self._slots.values()]
            if calls:
                ray.wait(calls, num_returns=len(calls), timeout=FAREWELL)
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
        except SlotLostError as lost:
            return self._lose(number, lost.result)
        except SlotFaultError as fault:
            return self._leave_out(slot.node, str(fault))
        self._ever_warm = self._ever_warm or slot.idle
        return [_of_slot(number, slot.node, event) for event in events]

    def _lose(self, number: int, result: Result) -> list[Event]:
        """Let go of a slot; return the ends of the trials that it had."""
        slot = self._slots.pop(number)
        slot.discard()
        if not slot.warm:
            self._false_starts[slot.node.id] += 1
        return [Finished(number, trial, self._loss(trial, result)) for trial in slot.due]

    def _loss(self, trial: int, result: Result) -> Result:
        """Return what a trial ends with whose actor is gone: at last it is the trial's doing."""
        self._losses[trial] += 1
        if result.reason == INTERRUPTED.reason and self._losses[trial] > LOSSES:
            what = f"{result.message}, for the {count_text(self._losses[trial], 'time')}"
            return Result(Status.ERROR, "crash", what)
        return result

    def _leave_out(self, node: Node, why: str) -> list[Event]:
        """Use a node no more, as no worker can start there. Raises UserError if none is left."""
        self._faulty[node.id] = why
        gone = [number for number, slot in self._slots.items() if slot.node.id == node.id]
        result = replace(INTERRUPTED, message=f"node {node.address} is left out: {why}")
        events = [event for number in gone for event in self._lose(number, result)]
        if not self._slots and not self._ever_warm:
            raise UserError(f"node {node.address}: {why}")
        print(f"note: node {node.address} is left out: {why}", flush=True)
        return events

    def _look(self) -> list[Event]:
        """See which nodes there are; return the ends of trials whose node has gone."""
        self._looked = time.monotonic()
        nodes = [node for node in self._nodes() if node.id not in self._faulty]
        alive = {node.id for node in nodes}
        gone = [number for number, slot in self._slots.items() if slot.node.id not in alive]
        events = [event for number in gone for event in self._lose_with_node(number)]
        held = [slot.node.id for slot in self._slots.values()]
        for node in missing(nodes, held, self._terms.need, self._most):
            number = next(n for n in itertools.count() if n not in self._slots)
            self._slots[number] = RemoteSlot(node, self._terms)
        self._tell_change(nodes)
        return events

    def _lose_with_node(self, number: int) -> list[Event]:
        where = f"node {self._slots[number].node.address}"
        return self._lose(number, replace(INTERRUPTED, message=f"{where} left the cluster"))

    def _tell_change(self, nodes: Sequence[Node]) -> None:
        """Say which nodes have come and gone since the last look, and what that leaves."""
        now = {node.id: node.address for node in nodes}
        lost, joined = self._seen.keys() - now.keys(), now.keys() - self._seen.keys()
        if self._seen_any and (lost or joined):
            words = [f"node {self._seen[name]} is gone" for name in sorted(lost)]
            words += [f"node {now[name]} has joined" for name in sorted(joined)]
            left = f"{self.capacity} at a time" if self._slots else "trials wait for nodes"
            print(f"note: {', '.join(words)}: {left}", flush=True)
        self._seen, self._seen_any = now, True


def _of_slot(number: int, node: Node, event: Event) -> Event:
    """Return an event of a slot by its number here.

    A full disk of a node is no reason to stop the sweep, whose results are elsewhere.
    """
    if isinstance(event, Finished) and event.result.reason == DISK_FULL:
        message = f"node {node.address}: {event.result.message}"
        event = replace(event, result=replace(event.result, reason="crash", message=message))
    return replace(event, slot=number)
