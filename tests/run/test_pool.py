from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fake_sweep import HERE, trial

from espalier.core.errors import UserError
from espalier.core.trial import Result, Task
from espalier.run import pool as pool_module
from espalier.run.pool import InProcess, Pool
from espalier.run.workers import fork_servers, worker_process
from espalier.run.workers.worker_environment import environment
from espalier.run.workers.worker_process import Progress, death

DEADLINE = 20.0  # seconds that a healthy machine never needs
MakePool = Callable[..., Pool]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["forked", "started"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakePool]:
    """Make pools whose workers are forked from a server, and such that start by themselves."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made: list[Pool] = []

    def build(devices: Sequence[str] = ("cpu",), entry: str = "fake_entry:train") -> Pool:
        if request.param == "forked":
            monkeypatch.setattr(fork_servers, "TRAINING", entry.partition(":")[0])
        made.append(Pool(entry, devices, tmp_path / "workers.log"))
        return made[-1]

    yield build
    for pool in made:
        pool.close()


def task(folder: Path, act: str, number: int = 1, **config: str) -> Task:
    directory = folder / f"{number}"
    directory.mkdir(exist_ok=True)
    return Task.single(trial(number, act, **config), {}, directory)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def idle(pool: Pool) -> int:
    end = time.monotonic() + DEADLINE
    while not pool.idle():
        assert time.monotonic() < end
        pool.wait(0.05)
    return pool.idle()[0]


def result_of(pool: Pool, assigned: Task) -> Result:
    pool.submit(idle(pool), assigned)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        for event in pool.wait(0.05):
            if not isinstance(event, Progress):
                return event.result
    raise AssertionError("no result")


def state(pid: int) -> str:
    """The letter of a process: T if it is stopped, Z if it is dead, as it is if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def gone(pid: int) -> bool:
    """No process, or one that is dead and not yet collected."""
    return state(pid) == "Z"


def test_workers_stay_and_are_warmed_up_once(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    seen = [result_of(pool, task(tmp_path, "environment")).provenance.more for _ in range(2)]
    assert seen[0] == seen[1]
    assert seen[0]["warm"] == 1
    assert seen[0]["pid"] == pool.process(0)


def test_a_worker_sees_one_thread_and_its_own_device(make: MakePool, tmp_path: Path) -> None:
    on_cpu = result_of(make(["cpu"]), task(tmp_path, "environment")).provenance.more
    assert (on_cpu["OMP_NUM_THREADS"], on_cpu["CUDA_VISIBLE_DEVICES"]) == ("1", "")
    assert environment("GPU-1")["CUDA_VISIBLE_DEVICES"] == "GPU-1"


def test_a_worker_is_told_how_many_share_its_device() -> None:
    environ = environment("GPU-1", sharers=3, workers=6)
    assert (environ["ESPALIER_SHARERS"], environ["ESPALIER_WORKERS"]) == ("3", "6")


def test_progress_arrives_before_the_result(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    pool.submit(idle(pool), task(tmp_path, "pass", EPOCHS="3"))
    events = []
    while not pool.idle():
        events += pool.wait(1)
    assert [type(event).__name__ for event in events] == ["Progress"] * 3 + ["Finished"]
    assert [event.record["epoch"] for event in events[:-1]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        ("exit", "worker exited with code 7: last words"),
        ("kill", "worker was killed by signal 9 (SIGKILL): epoch 1"),
    ],
)
def test_a_death_is_a_crash_and_the_slot_goes_on(
    make: MakePool, tmp_path: Path, act: str, message: str
) -> None:
    pool = make()
    result = result_of(pool, task(tmp_path, act))
    assert (result.status, result.reason, result.message) == ("error", "crash", message)
    assert result_of(pool, task(tmp_path, "pass", 2)).status == "passed"


@pytest.mark.parametrize(
    ("act", "replaced"),
    [("crash", True), ("oom", True), ("gpu_oom", True), ("input", False), ("diverge", False)],
)
def test_an_error_costs_the_worker_its_place(
    make: MakePool, tmp_path: Path, act: str, replaced: bool
) -> None:
    pool = make()
    before = pool.process(idle(pool))
    result_of(pool, task(tmp_path, act))
    assert (pool.process(0) != before) is replaced
    assert gone(before) is replaced
    assert result_of(pool, task(tmp_path, "pass", 2)).status == "passed"


def test_a_worker_that_dies_idle_is_replaced(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    os.kill(pool.process(idle(pool)), signal.SIGKILL)
    pool.submit(0, task(tmp_path, "pass"))  # nobody reads it any more
    end = time.monotonic() + DEADLINE
    results: list[Result] = []
    while not results and time.monotonic() < end:
        results = [event.result for event in pool.wait(0.05) if not isinstance(event, Progress)]
    assert results[0].reason == "crash"
    assert result_of(pool, task(tmp_path, "pass", 2)).status == "passed"


def test_a_slot_is_busy_until_the_whole_task_is_over(make: MakePool, tmp_path: Path) -> None:
    """Trial 2 ends first and in an error: its worker is replaced, but not before trial 1 ended."""
    pool = make(entry="pack_entry:train")
    first, second = task(tmp_path, "pass", 1, SECONDS="0.2"), task(tmp_path, "odd", 2)
    both = (first.trial, second.trial), {}, (first.directory, second.directory), (1, 1)
    before = pool.process(idle(pool))
    pool.submit(0, Task(*both))
    seen = []
    while not pool.idle():
        seen += [(event.number, type(event).__name__) for event in pool.wait(1)]
        assert (pool.process(0) == before) is ((1, "Finished") not in seen)
    assert seen == [(2, "Progress"), (2, "Finished"), (1, "Progress"), (1, "Finished")]


def test_a_hanging_trial_can_be_ended(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    pool.submit(idle(pool), task(tmp_path, "hang"))
    hanging = pool.process(0)
    pool.kill(0)
    assert gone(hanging)
    assert result_of(pool, task(tmp_path, "pass", 2)).status == "passed"


def test_children_of_a_trial_end_with_it(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    pool.submit(idle(pool), task(tmp_path, "family"))
    note = tmp_path / "1" / "child"
    until(lambda: note.exists() and note.read_text(encoding="utf-8") != "")
    pool.kill(0)
    until(lambda: gone(int(note.read_text(encoding="utf-8"))))


def test_a_death_is_noticed_while_a_grandchild_keeps_the_pipes_open(
    make: MakePool, tmp_path: Path
) -> None:
    result = result_of(make(), task(tmp_path, "orphan"))
    assert result.message.startswith("worker exited with code 3")


def test_what_workers_cannot_import_is_one_line(make: MakePool, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not start: ModuleNotFoundError: No module named"):
        idle(make(entry="no_such_module:train"))


def test_a_worker_that_is_killed_while_it_starts_has_another_try(make: MakePool) -> None:
    pool = make()
    for _ in range(pool_module.STARTS - 1):
        os.kill(pool.process(0), signal.SIGKILL)
        before = pool.process(0)
        until(lambda: pool.wait(0.05) == [] and pool.process(0) != before)  # noqa: B023
    os.kill(pool.process(0), signal.SIGKILL)
    with pytest.raises(UserError, match=r"could not start: it was killed by signal 9 \(SIGKILL\)"):
        idle(pool)


def test_a_task_that_no_worker_takes_in_is_not_waited_for(
    make: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "ACCEPTANCE", 0.1)
    pool = make()
    stopped = pool.process(idle(pool))
    os.kill(stopped, signal.SIGSTOP)
    until(lambda: state(stopped) == "T")  # until then it may take in the task
    result = result_of(pool, task(tmp_path, "pass", PADDING="x" * 1_000_000))
    assert result.message.startswith("worker was ended: it took in no task: ")
    assert gone(stopped)


def test_output_goes_to_the_log_of_the_trial_alone(make: MakePool, tmp_path: Path) -> None:
    pool = make()
    result_of(pool, task(tmp_path, "loud"))
    result_of(pool, task(tmp_path, "pass", 2))
    log = (tmp_path / "1" / "output.log").read_text(encoding="utf-8")
    assert all(line in log for line in ("from python", "to stderr", "from a child"))
    assert "from" not in (tmp_path / "2" / "output.log").read_text(encoding="utf-8")
    assert (tmp_path / "workers.log").read_text(encoding="utf-8") == ""


def test_workers_die_with_a_runner_that_is_killed(spawn: Spawn, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from espalier.run.pool import Pool\n"
        "pool = Pool('fake_entry:train', ['cpu', 'cpu'], Path(sys.argv[1]) / 'log')\n"
        "while len(pool.idle()) < 2: pool.wait(1)\n"
        "print(pool.process(0), pool.process(1), flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(HERE)}
    runner = spawn(command, stdout=subprocess.PIPE, env=environ)
    assert runner.stdout is not None
    workers = [int(pid) for pid in runner.stdout.readline().split()]
    assert not any(gone(pid) for pid in workers)
    runner.kill()
    until(lambda: all(gone(pid) for pid in workers))


def test_the_lifeline_works_without_the_kernels_help(spawn: Spawn) -> None:
    """The task pipe alone ends a worker, even one whose trial never returns."""
    tasks, tasks_end = os.pipe()
    records_end, records = os.pipe()
    command = [sys.executable, "-m", "espalier.run.workers.worker", "--entry", "fake_entry:train"]
    child = spawn(
        [*command, "--tasks", str(tasks), "--records", str(records)],
        pass_fds=(tasks, records),
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    os.close(tasks)
    os.close(records)
    assert b"ready" in os.read(records_end, 100)
    os.close(tasks_end)
    assert child.wait(DEADLINE) == -signal.SIGKILL
    os.close(records_end)


def test_in_process_has_the_same_interface(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    executor = InProcess("fake_entry:train")
    assert executor.idle() == [0]
    executor.submit(0, task(tmp_path, "pass"))
    assert executor.idle() == []
    progress, finished = executor.wait(0)
    assert isinstance(progress, Progress)
    assert not isinstance(finished, Progress)
    assert finished.result.status == "passed"
    assert "epoch 1" in capfd.readouterr().out
    assert executor.wait(0) == []


def test_a_message_ends_with_the_last_words(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("first\n  last \n\n", encoding="utf-8")
    assigned = Task.single(trial(1), {}, tmp_path)
    assert death(-15, assigned).message == "worker was killed by signal 15 (SIGTERM): last"


def test_a_worker_that_the_kernel_killed_for_memory_ran_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("last\n", encoding="utf-8")
    assigned = Task.single(trial(1), {}, tmp_path)
    results = [
        death(code, assigned, starved) for code, starved in ((-9, True), (-9, False), (-6, True))
    ]
    assert [result.reason for result in results] == ["oom", "crash", "crash"]
    assert results[0].message == "worker was killed by signal 9 (SIGKILL) for lack of memory: last"
