"""Slots of a cluster, whose nodes are lost, join and are broken as the test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import request, trial
from scripted_actors import GIB, ScriptedActors, node

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.trial import Status, Task
from espalier.run import executor_choice, launch
from espalier.run.executor_choice import RAY, Placement
from espalier.run.packing.short_tasks import ShortTasks
from espalier.run.ray import ray_executor
from espalier.run.ray.cluster_slots import ClusterNode, SlotNeed
from espalier.run.ray.courier import Courier
from espalier.run.ray.ray_executor import LOSSES, RayExecutor
from espalier.run.ray.slot_actor import NodeMemory
from espalier.run.workers.worker_process import Finished
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

NEED = SlotNeed(cpus=1, memory=GIB, gpus=0)
Make = Callable[..., RayExecutor]


@pytest.fixture(autouse=True)
def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every wait look at which nodes there are."""
    monkeypatch.setattr(ray_executor, "LOOK", 0.0)


def executor(actors: ScriptedActors, nodes: list[ClusterNode], limit: int = 8) -> RayExecutor:
    return RayExecutor(actors, Courier(lambda item: item), lambda: nodes, NEED, limit)


def warm(made: RayExecutor) -> RayExecutor:
    for _ in range(3):
        made.wait(0)
    return made


def task(folder: Path, number: int = 1) -> Task:
    directory = folder / f"{number}"
    directory.mkdir(exist_ok=True)
    return Task.single(trial(number), {}, directory)


def test_a_slot_for_each_core_of_each_node(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(), [node("a"), node("b", cpus=1)]))
    assert made.capacity == 3 and made.idle() == [0, 1, 2]
    assert sorted(made.devices) == ["cpu@a", "cpu@a", "cpu@b"]
    assert made.process(0) == 0


def test_a_task_gives_events_of_its_slot_and_its_files(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(), [node("a")]))
    made.submit(1, task(tmp_path, 7))
    assert made.idle() == [0]
    events = [*made.wait(0), *made.wait(0)]
    assert [(event.slot, event.number) for event in events] == [(1, 7), (1, 7)]
    assert made.idle() == [0, 1]
    assert (tmp_path / "7" / "model.pt").read_bytes() == b"w"


def test_a_lost_node_interrupts_its_trials_and_takes_its_slots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes, actors = [node("a"), node("b")], ScriptedActors(act=lambda number: "hold")
    made = warm(executor(actors, nodes))
    for slot in made.idle():
        made.submit(slot, task(tmp_path, slot))
    on_b = [n for n, device in enumerate(made.devices) if device == "cpu@b"]
    nodes.pop()
    events = [event for _ in range(2) for event in made.wait(0) if isinstance(event, Finished)]
    assert sorted(event.number for event in events) == on_b
    assert {event.result.reason for event in events} == {"interrupted"}
    assert made.capacity == 2
    assert "note: node b is gone: 2 at a time" in capsys.readouterr().out


def test_a_node_that_joins_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [node("a")]
    made = warm(executor(ScriptedActors(), nodes))
    nodes.append(node("b"))
    assert warm(made).idle() == [0, 1, 2, 3]
    assert "note: node b has joined: 4 at a time" in capsys.readouterr().out


def test_a_cluster_may_shrink_to_nothing_and_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [node("a")]
    made = warm(executor(ScriptedActors(act=lambda number: "hold"), nodes))
    made.submit(0, task(tmp_path))
    nodes.clear()
    assert [event.number for event in made.wait(0) if isinstance(event, Finished)] == [1]
    assert made.capacity == 0 and made.idle() == [] and made.devices == []
    assert "node a is gone: trials wait for a node" in capsys.readouterr().out
    nodes.append(node("a2"))
    assert warm(made).idle() == [0, 1]


def test_no_more_slots_than_trials() -> None:
    made = warm(executor(ScriptedActors(), [node("a", cpus=9), node("b", cpus=9)], limit=3))
    assert made.capacity == 3 and sorted(made.devices) == ["cpu@a", "cpu@a", "cpu@b"]


def test_a_node_where_no_worker_starts_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    actors = ScriptedActors(broken={"b"})
    made = warm(executor(actors, [node("a"), node("b")]))
    assert {*made.devices} - {""} == {"cpu@a"} and made.capacity == 2
    said = capsys.readouterr().out
    assert said == "note: node b is left out: a worker could not start: no torch\n"
    warm(made)
    assert len(actors.actors) == 4  # no more on b


def test_a_node_with_another_version_of_a_package_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = revision.versions()["numpy"]
    actors = ScriptedActors(versions={"a": {"numpy": here}, "b": {"numpy": "0.1", "other": "3"}})
    made = warm(executor(actors, [node("a"), node("b")]))
    assert {*made.devices} - {""} == {"cpu@a"}
    said = f"note: node b is left out: it has numpy 0.1, and {here} is here; install the same there"
    assert capsys.readouterr().out == f"{said}\n"


def test_no_node_that_works_ends_the_sweep() -> None:
    with pytest.raises(UserError, match="node a: a worker could not start: no torch"):
        warm(executor(ScriptedActors(broken={"a"}), [node("a")]))


def test_actors_that_end_as_they_start_are_not_begun_for_ever() -> None:
    actors = ScriptedActors(brief={"a"})
    with pytest.raises(UserError, match="node a: its workers end as they start"):
        made = executor(actors, [node("a", cpus=1)])
        for _ in range(9):
            made.wait(0)
    assert len(actors.actors) == 3


def test_a_trial_that_loses_every_actor_has_crashed_at_last(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(act=lambda number: "lose"), [node("a", cpus=1)]))
    reasons = []
    while len(reasons) <= LOSSES:
        if made.idle():
            made.submit(made.idle()[0], task(tmp_path))
        ended = [event for event in made.wait(0) if isinstance(event, Finished)]
        reasons += [event.result.reason for event in ended]
    assert reasons == ["interrupted"] * LOSSES + ["crash"]


def test_memory_that_ray_lacks_is_lack_of_memory(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(act=lambda number: "starve"), [node("a", cpus=1)]))
    made.submit(0, task(tmp_path))
    events = [event for _ in range(2) for event in made.wait(0) if isinstance(event, Finished)]
    assert [event.result.reason for event in events] == ["oom"]
    assert "node a: " in events[0].result.message


def test_a_full_disk_of_a_node_does_not_stop_the_sweep(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(act=lambda number: "fill"), [node("a", cpus=1)]))
    made.submit(0, task(tmp_path))
    events = [event for _ in range(2) for event in made.wait(0) if isinstance(event, Finished)]
    assert [event.result.reason for event in events] == ["crash"]
    assert events[0].result.message == "node a: No space left on device"


def test_a_killed_task_has_no_event_but_its_log(tmp_path: Path) -> None:
    made = warm(executor(ScriptedActors(act=lambda number: "hold"), [node("a", cpus=1)]))
    made.submit(0, task(tmp_path))
    made.wait(0)
    made.kill(0)
    assert made.idle() == []
    assert made.wait(0) == [] and made.idle() == [0]
    assert (tmp_path / "1" / "output.log").read_text(encoding="utf-8") == "until then\n"
    assert not (tmp_path / "1" / "half").exists()


def test_memory_of_a_node_lets_trials_wait(tmp_path: Path) -> None:
    actors = ScriptedActors(act=lambda number: "hold", memory=NodeMemory(GIB, GIB, GIB))
    made = warm(executor(actors, [node("a", cpus=3)]))
    made.submit(0, task(tmp_path))
    actors.memory = NodeMemory(GIB, GIB, 2 * GIB)  # a worker takes 1 GiB more than it has now
    made.wait(0)
    assert made.idle() == []


def test_the_end_ends_every_actor() -> None:
    actors = ScriptedActors()
    made = warm(executor(actors, [node("a")]))
    made.close()
    assert all(actor.ended for actor in actors.actors) and made.capacity == 0


def test_an_actor_that_still_starts_is_not_waited_for() -> None:
    actors = ScriptedActors()
    made = executor(actors, [node("a")])
    begun = actors.calls
    made.close()
    assert actors.calls == begun and all(actor.ended for actor in actors.actors)
    assert len(actors.actors) == begun > 0


class ScriptedSite:
    def __init__(self, made: RayExecutor) -> None:
        self._made = made

    def start(self, trials: int, folder: Path) -> RayExecutor:
        return self._made

    def describe(self, made: Any) -> str:
        return f"{made.capacity} at a time"


def site_of(made: RayExecutor, monkeypatch: pytest.MonkeyPatch) -> Placement:
    """Return a placement for which a sweep runs on this executor."""

    @contextmanager
    def opened(placement: Placement, work: Any) -> Any:
        yield ScriptedSite(made)

    monkeypatch.setattr(executor_choice, "opened", opened)
    return Placement(RAY, "", 1.0)


def test_a_sweep_over_nodes_that_come_and_go_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [node("n0"), node("n1"), node("n2")]

    def disturb(actors: ScriptedActors) -> None:
        if actors.answers % 25 == 0:
            nodes.append(node(f"n{actors.answers}"))
            actors.dead.add(nodes.pop(0).id)
        if actors.answers == 60:
            nodes.clear()
        if actors.answers >= 60 and not nodes:
            nodes.append(node("back"))

    made = executor(ScriptedActors(after=disturb), nodes)
    placement = site_of(made, monkeypatch)
    trials = [trial(number) for number in range(1, 61)]
    assert launch.run(request(tmp_path, trials, placement=placement, MAX_ATTEMPTS="1")) == 0
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        attempts = store.attempts()
        passed = [each.trial for each in attempts if each.status is Status.PASSED]
        others = {each.reason for each in attempts if each.status is not Status.PASSED}
        assert store.header.command.endswith("EXECUTOR=ray")
    assert sorted(passed) == list(range(1, 61))
    assert others == {"interrupted"}


def test_trials_in_line_for_a_slot_whose_node_is_gone_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShortTasks, "room", lambda short, waiting, slots: min(4, waiting))
    nodes, silent = [node("a", cpus=1), node("b", cpus=1)], Counter[int]()
    actors = ScriptedActors()

    def now() -> list[ClusterNode]:
        silent[actors.answers] += 1
        assert silent[actors.answers] < 10_000, "it waits for a node that is gone"
        if any(actor.task and actor.node.id == "b" for actor in actors.actors):
            nodes[1:] = []
        return nodes

    placement = site_of(RayExecutor(actors, Courier(lambda item: item), now, NEED, 8), monkeypatch)
    trials = [trial(number) for number in range(1, 11)]
    assert launch.run(request(tmp_path, trials, placement=placement, pack=1)) == 0
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        passed = [each.trial for each in store.attempts() if each.status is Status.PASSED]
    assert sorted(passed) == list(range(1, 11))
