from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial

from espalier.core.process import process_memory
from espalier.core.process.process_memory import PrivateMemory
from espalier.core.trial import Result, Status
from espalier.run import admission, devices, launch
from espalier.run.admission import (
    GPU_WORKER,
    SPARE,
    WORKER,
    MemoryGate,
    WorkerMemory,
    fit_workers,
    fits,
)
from espalier.run.pool import InProcess
from espalier.run.workers.worker import OOM
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

GIB = 1 << 30


class Slots(InProcess):
    """An executor whose workers are told to be idle; worker n is process 100 + n."""

    def __init__(self, *devices: str) -> None:
        self.devices, self.free = devices, list(range(len(devices)))

    def idle(self) -> list[int]:
        return self.free

    def process(self, slot: int) -> int:
        return 100 + slot


class Machine:
    """Memory as a test says: what is left of it, and what each process holds."""

    def __init__(self, room: int) -> None:
        self.room, self.processes = room, dict[int, PrivateMemory]()

    def available(self) -> int:
        return self.room

    def held(self, process: int) -> PrivateMemory:
        return self.processes.get(process, PrivateMemory(0, 0))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(100 * GIB)
    monkeypatch.setattr(admission, "available", made.available)
    monkeypatch.setattr(process_memory, "private_memory", made.held)
    return made


@pytest.mark.parametrize(
    ("room", "workers"),
    [
        (0, 1),
        (WORKER.of(1) + SPARE, 1),
        (WORKER.of(3) + SPARE - 1, 2),
        (WORKER.of(3) + SPARE, 3),
        (GIB * 9, 4),
    ],
)
def test_no_more_workers_than_fit_and_always_one(machine: Machine, room: int, workers: int) -> None:
    machine.room = room
    fitting, notes = fit_workers(["cpu"] * 4, 0, WORKER)
    assert fitting == ["cpu"] * workers
    assert len(notes) == (workers < 4)


def test_what_workers_share_is_counted_once(machine: Machine) -> None:
    forked = WorkerMemory(GIB, shared=5 * GIB)
    for room, workers in ((7 * GIB - 1, 1), (7 * GIB, 2), (9 * GIB - 1, 3), (9 * GIB, 4)):
        machine.room = room + SPARE
        assert len(fit_workers(["cpu"] * 4, 0, forked)[0]) == workers
    machine.room = 8 * GIB + SPARE
    assert len(fit_workers(["cpu,cpu"] * 4, 0, forked)[0]) == 1  # two workers each
    assert "8 workers take 14.0 GB or more" in fit_workers(["cpu,cpu"] * 4, 0, forked)[1][0]


def test_memory_of_other_machines_is_left_to_them(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    class Elsewhere(Slots):
        def process(self, slot: int) -> int:
            return 0

    machine.room = 0
    assert MemoryGate(Elsewhere("cpu", "cpu"), waits=True).free_slots(2, []) == [0, 1]
    assert capsys.readouterr().out == ""


def test_a_number_that_is_asked_for_is_obeyed_aloud(machine: Machine) -> None:
    machine.room = GIB
    assert fit_workers(["cpu"] * 4, 0, WORKER) == (
        ["cpu"],
        [
            "note: 1.1 GB of memory is free and 4 workers take 1.7 GB or more: "
            "not 4 at a time; PARALLEL=4 tries it"
        ],
    )
    assert fit_workers(["cpu"] * 4, 4, WORKER) == (
        ["cpu"] * 4,
        [
            "note: 1.1 GB of memory is free and 4 workers take 1.7 GB or more: "
            "4 at a time may run out of it"
        ],
    )


def test_a_gpu_with_little_free_memory_is_named_and_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"0": GPU_WORKER, "1": 2 * GPU_WORKER - 1, "2": 80 * GIB}
    monkeypatch.setattr(devices, "free_memory", lambda: free)
    slots = ["0", "1", "2", "MIG-1", "1"]
    assert fit_workers(slots, 5, WORKER) == (
        slots,
        ["note: GPU 1: 2.1 GB of memory is free for 2 workers"],
    )
    assert fit_workers(["0"], 0, WORKER) == (["0"], [])


def test_no_more_slots_than_trials(machine: Machine) -> None:
    slots = Slots("cpu", "cpu", "cpu")
    gate = MemoryGate(slots, waits=True)
    assert gate.free_slots(4, []) == [0, 1, 2]
    assert gate.free_slots(2, []) == [0, 1]
    assert gate.free_slots(0, []) == []
    slots.free = [1]
    assert gate.free_slots(4, [0, 2]) == [1]
    slots.free = []
    assert gate.free_slots(4, [0, 1, 2]) == []


def test_a_trial_waits_until_the_largest_worker_fits_again(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    slots = Slots("cpu", "cpu", "cpu")
    gate = MemoryGate(slots, waits=True)
    # 0 had 4 GiB and ended; 1 is at work with 3 and may grow by 1; 2 has not run yet
    machine.processes = {
        100: PrivateMemory(GIB, 4 * GIB),
        101: PrivateMemory(3 * GIB, 3 * GIB),
        102: PrivateMemory(GIB, GIB),
    }
    slots.free = [0, 2]
    machine.room = 7 * GIB + SPARE  # for 1's growth, 3 more for slot 0 and 3 more for slot 2
    assert gate.free_slots(9, [1]) == [0, 2]
    machine.room -= 1
    assert gate.free_slots(9, [1]) == [0]
    machine.room = 4 * GIB + SPARE - 1
    assert gate.free_slots(9, [1]) == []
    machine.room, slots.free = 0, [0, 1, 2]
    assert gate.free_slots(9, []) == [0]  # one always runs
    note = "note: 7.8 GB of memory is free and a worker took 4.3 GB: "
    assert capsys.readouterr().out == note + "trials wait for others to end\n"


def test_the_largest_worker_is_remembered_when_it_is_gone(machine: Machine) -> None:
    slots = Slots("cpu", "cpu")
    gate = MemoryGate(slots, waits=True)
    machine.processes = {100: PrivateMemory(GIB, 8 * GIB)}
    assert gate.free_slots(1, [1]) == [0]
    machine.processes, machine.room = {}, 8 * GIB
    assert gate.free_slots(1, [1]) == []


def test_without_waiting_it_is_only_said(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = MemoryGate(Slots("cpu", "cpu"), waits=False)
    machine.room, machine.processes = GIB, {100: PrivateMemory(0, GIB)}
    for _ in range(2):
        assert gate.free_slots(2, []) == [0, 1]
    note = "note: 1.1 GB of memory is free and a worker took 1.1 GB: trials may run out of it\n"
    assert capsys.readouterr().out == note


def test_where_workers_tell_nothing_nothing_waits(machine: Machine) -> None:
    machine.room = SPARE
    assert MemoryGate(Slots("cpu", "cpu"), waits=True).free_slots(2, []) == [0, 1]


def test_after_running_out_of_memory_a_trial_has_its_device_to_itself(machine: Machine) -> None:
    gate = MemoryGate(Slots("a", "a", "b"), waits=True, alone=[1])
    gate.record_end(2, Result(Status.ERROR, OOM))
    gate.record_end(3, Result(Status.ERROR, "crash"))

    def allowed(slot: int, running: dict[int, list[int]]) -> list[int]:
        allows = gate.admits(slot, running)
        return [number for number in (1, 2, 3, 4) if allows(number)]

    assert allowed(0, {}) == [1, 2, 3, 4]
    assert allowed(0, {2: [9]}) == [1, 2, 3, 4]  # on another device
    assert allowed(0, {1: [8, 9]}) == [3, 4]
    assert allowed(0, {1: [1], 2: [9]}) == []
    assert allowed(2, {1: [1]}) == [1, 2, 3, 4]


def test_fitting_sizes() -> None:
    assert fits([3, 3, 3], 6) == 2
    assert fits([3, 3, 3], 5) == 1
    assert fits([], 0) == 0
    assert fits([0, 0], 0) == 2
    assert fits([0, 0], -1) == 0


def test_in_a_sweep_the_second_attempt_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    others = [trial(n, SECONDS="0.2") for n in range(2, 6)]
    assert launch.run(request(tmp_path, [trial(1, "oom"), *others])) == 1
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        tries = store.attempts()
    first, second = (attempt for attempt in tries if attempt.trial == 1)
    assert (first.reason, second.reason) == (OOM, OOM)
    for attempt in tries:
        if attempt.trial != 1:
            assert attempt.finished is not None and attempt.finished <= second.started
