"""The node's side of a slot, with a worker of its own, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_sweep import HERE, trial

from espalier.core.trial import Action, Task
from espalier.run.ray.courier import Courier
from espalier.run.ray.node_home import NodeHome
from espalier.run.ray.slot_actor import SlotActor, SlotReport
from espalier.run.workers.worker_process import Finished, Progress

DEADLINE = 20.0  # seconds that a healthy machine never needs


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SlotActor]]:
    given = tmp_path / "given"
    given.mkdir()
    monkeypatch.chdir(given)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made: list[SlotActor] = []

    def begin(entry: str = "fake_entry:train", device: str = "cpu") -> SlotActor:
        made.append(SlotActor(entry, NodeHome({}, lambda reference: reference), device, 0))
        return made[-1]

    yield begin
    for actor in made:
        actor.close()


def task(folder: Path, act: str = "pass", **config: str) -> Task:
    (folder / "1").mkdir(exist_ok=True)
    return Task.single(trial(1, act, **config), {}, folder / "1")


def reports(actor: SlotActor, assigned: Task | None = None) -> Iterator[SlotReport]:
    """Yield what an actor says until it is idle."""
    parcel = Courier(lambda item: item).outward(assigned) if assigned else None
    report, end = actor.advance(parcel), time.monotonic() + DEADLINE
    while True:
        yield report
        if report.idle or report.fault:
            return
        assert time.monotonic() < end
        report = actor.advance()


def test_a_trial_runs_in_a_worker_and_its_files_are_reported(
    start: Callable[..., SlotActor], tmp_path: Path
) -> None:
    actor = start()
    assert actor.describe()[0] == "cpu" and "python" in actor.describe()[1]
    assert [*reports(actor)][-1].memory.free > 0
    heard = [*reports(actor, task(tmp_path, EPOCHS="2"))]
    events = [event for report in heard for event in report.events]
    assert [type(event) for event in events] == [Progress, Progress, Finished]
    assert events[-1].result.measures["val_acc"] == 51.0
    log = b"".join(report.changes[1].log for report in heard if 1 in report.changes)
    assert b"epoch 1\nepoch 2\n" in log
    assert not (tmp_path / "1" / "output.log").exists()  # that is the driver's to write


def test_a_worker_that_dies_is_the_end_of_its_trial_alone(
    start: Callable[..., SlotActor], tmp_path: Path
) -> None:
    actor = start()
    for act, reason in (("exit", "crash"), ("pass", "")):
        [*reports(actor)]
        events = [e for report in reports(actor, task(tmp_path, act)) for e in report.events]
        assert [event.result.reason for event in events if isinstance(event, Finished)] == [reason]


def test_a_reset_ends_the_task_and_tells_its_log(
    start: Callable[..., SlotActor], tmp_path: Path
) -> None:
    actor = start()
    [*reports(actor)]
    first = actor.advance(Courier(lambda item: item).outward(task(tmp_path, "hang")))
    end = time.monotonic() + DEADLINE
    while not first.events:
        assert time.monotonic() < end
        first = actor.advance()
    report = actor.reset()
    assert report.events == [] and not report.idle
    assert b"epoch 1" in report.changes[1].log
    assert [*reports(actor)][-1].idle


def test_a_worker_that_cannot_start_is_a_fault(start: Callable[..., SlotActor]) -> None:
    assert "a worker could not start" in [*reports(start("no_such_module:train"))][-1].fault


def test_files_that_cannot_be_here_end_the_trial(
    start: Callable[..., SlotActor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = start()
    [*reports(actor)]

    def refuse(self: NodeHome, parcel: object) -> Task:
        raise PermissionError("not here")

    monkeypatch.setattr(NodeHome, "enter", refuse)
    report = actor.advance(Courier(lambda item: item).outward(task(tmp_path)))
    (event,) = report.events
    assert isinstance(event, Finished) and event.result.message == "PermissionError: not here"
    assert report.idle and report.changes == {}


def test_a_probe_has_a_result_too(start: Callable[..., SlotActor], tmp_path: Path) -> None:
    actor = start()
    [*reports(actor)]
    task = Task((trial(1),), {}, (tmp_path,), (0,), Action.PREFLIGHT)
    events = [event for report in reports(actor, task) for event in report.events]
    assert [event.number for event in events] == [1]
