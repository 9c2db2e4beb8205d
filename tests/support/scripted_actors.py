"""Actors of a cluster that does not exist: nodes and trials do what a script says, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from espalier.core.trial import Result, Status, Task
from espalier.run.ray.cluster_slots import ClusterNode
from espalier.run.ray.node_files import FolderChanges
from espalier.run.ray.remote_slot import ActorFaultError, ActorLostError
from espalier.run.ray.slot_actor import NodeMemory, SlotReport
from espalier.run.workers.worker_process import Event, Finished, Progress

GIB = 1 << 30
MEMORY = NodeMemory(free=8 * GIB, now=GIB, peak=GIB)
Act = str  # pass, hold, lose, starve, fail, fill


@dataclass(eq=False)
class Actor:
    node: ClusterNode
    ended: bool = False
    task: Task | None = None


@dataclass(frozen=True, eq=False)
class Call:
    actor: Actor
    method: str
    arguments: tuple[Any, ...]
    number: int


def passing(number: int) -> Act:
    return "pass"


@dataclass
class ScriptedActors:
    """Tasks end when they are asked about a second time, as `act` says for their first trial."""

    act: Callable[[int], Act] = passing
    dead: set[str] = field(default_factory=set)  # ids of nodes
    broken: set[str] = field(default_factory=set)  # ids of nodes where no worker starts
    brief: set[str] = field(default_factory=set)  # ids of nodes whose actors end as they start
    versions: dict[str, dict[str, str]] = field(default_factory=dict)  # by id of a node
    memory: NodeMemory = MEMORY
    actors: list[Actor] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)  # in the order in which they began
    answers: int = 0
    after: Callable[[ScriptedActors], None] = lambda actors: None  # called for every answer
    calls: int = 0

    def start(self, node: ClusterNode) -> Actor:
        self.actors.append(Actor(node))
        return self.actors[-1]

    def call(self, actor: Actor, method: str, *arguments: Any) -> Call:
        self.calls += 1
        return Call(actor, method, arguments, self.calls)

    def answered(self, calls: Sequence[Call], seconds: float, every: bool = False) -> list[Call]:
        return list(calls)

    def end(self, actor: Actor) -> None:
        actor.ended = True

    def answer(self, call: Call) -> Any:
        self.answers += 1
        self.after(self)
        actor = call.actor
        if actor.ended or actor.node.id in self.dead | self.brief:
            raise ActorLostError("interrupted", "lost while this trial ran")
        if call.method == "describe":
            return "cpu", self.versions.get(actor.node.id, {})
        if actor.node.id in self.broken:
            return SlotReport(False, MEMORY, fault="a worker could not start: no torch")
        return getattr(self, f"_{call.method}")(actor, *call.arguments)

    def _advance(self, actor: Actor, parcel: Any = None) -> SlotReport:
        if parcel is not None:
            actor.task = Task.from_json(parcel.task)
            self.tasks.append(actor.task)
            records = [Progress(0, n, {"epoch": 1, "epochs": 2}) for n in actor.task.due]
            return SlotReport(False, self.memory, records)
        if actor.task is None:
            return SlotReport(True, self.memory)
        return self._ended(actor, actor.task, self.act(actor.task.trial.number))

    def _ended(self, actor: Actor, task: Task, act: Act) -> SlotReport:
        if act == "hold":
            return SlotReport(False, self.memory)
        if act == "lose":
            raise ActorLostError("interrupted", "lost while this trial ran")
        if act == "starve":
            raise ActorLostError("oom", "Ray ended the trial for lack of memory")
        if act == "fault":
            raise ActorFaultError("no such module")
        actor.task = None
        result = {
            "pass": Result(Status.PASSED, measures={"val_acc": 50.0, "test_acc": 49.0}),
            "fill": Result(Status.ERROR, "disk_full", "No space left on device"),
        }[act]
        events: list[Event] = [Finished(0, number, result) for number in task.due]
        changes = {number: FolderChanges({"model.pt": b"w"}, log=b"hi\n") for number in task.due}
        return SlotReport(True, self.memory, events, changes)

    def _reset(self, actor: Actor) -> SlotReport:
        task, actor.task = actor.task, None
        numbers = task.due if task else []
        changes = {n: FolderChanges({"half": b"x"}, log=b"until then\n") for n in numbers}
        return SlotReport(True, self.memory, changes=changes)

    def _close(self, actor: Actor) -> None:
        actor.task = None


def node(name: str, cpus: float = 2, memory: float = 64 * GIB, gpus: float = 0) -> ClusterNode:
    """A node with these resources; its name is its id and its address."""
    resources = {"CPU": cpus, "memory": memory, **({"GPU": gpus} if gpus else {})}
    return ClusterNode(name, name, resources)
