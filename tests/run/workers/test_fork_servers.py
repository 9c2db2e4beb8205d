"""Workers that are forked from a server: whose children they are, and what ends them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_sweep import HERE, trial

from espalier.core.process import descriptor_messages
from espalier.core.trees import own_trees
from espalier.core.trial import Result, Task
from espalier.run.pool import Pool
from espalier.run.workers import fork_server, fork_servers
from espalier.run.workers.fork_client import ForkServer
from espalier.run.workers.worker_process import Progress

DEADLINE = 20.0  # seconds that a healthy machine never needs
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
pytestmark = LINUX
MakePool = Callable[..., Pool]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePool]:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made: list[Pool] = []

    def build(module: str = "fake_entry", workers: int = 1) -> Pool:
        monkeypatch.setattr(fork_servers, "TRAINING", module)
        made.append(Pool(f"{module}:train", ["cpu"] * workers, tmp_path / "workers.log"))
        return made[-1]

    yield build
    for pool in made:
        pool.close()
    fork_servers.drop()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def start(pool: Pool, workers: int = 1) -> list[int]:
    """Wait until so many workers are warm; their processes."""
    until(lambda: pool.wait(0.05) == [] and len(pool.idle()) == workers)
    return [pool.process(slot) for slot in range(workers)]


def result_of(pool: Pool, folder: Path, act: str) -> Result:
    start(pool, len(pool.devices))
    pool.submit(0, Task.single(trial(1, act), {}, folder))
    return end_of(pool)


def end_of(pool: Pool) -> Result:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        for event in pool.wait(0.05):
            if not isinstance(event, Progress):
                return event.result
    raise AssertionError("no result")


def status(process: int) -> list[str]:
    """The fields of a process from its state on; it is `Z` where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return ["Z"]
    return text.rsplit(")", 1)[1].split()


def parent(process: int) -> int:
    return int(status(process)[1])


def gone(process: int) -> bool:
    return status(process)[0] == "Z"


def test_workers_have_one_parent_and_a_session_each(make: MakePool) -> None:
    processes = start(make(workers=2), 2)
    server = parent(processes[0])
    assert server != os.getpid()
    assert parent(processes[1]) == server
    assert [os.getsid(process) for process in processes] == processes


def test_nothing_is_left_of_a_pool_that_is_closed(make: MakePool) -> None:
    pool = make(workers=2)
    processes = start(pool, 2)
    every = [parent(processes[0]), *processes]
    pool.close()
    assert all(map(gone, every))


def test_trials_of_a_server_that_is_killed_are_interrupted(make: MakePool, tmp_path: Path) -> None:
    """It is no fault of theirs; the next workers start by themselves."""
    pool = make()
    (process,) = start(pool)
    pool.submit(0, Task.single(trial(1, "hang"), {}, tmp_path))
    os.kill(parent(process), signal.SIGKILL)
    result = end_of(pool)
    assert (result.status, result.reason) == ("error", "interrupted")
    assert result.message == "the process that workers are forked from was killed"
    assert result_of(pool, tmp_path, "pass").status == "passed"
    assert parent(pool.process(0)) == os.getpid()


def test_workers_die_with_a_server_that_is_killed(make: MakePool) -> None:
    processes = start(make(workers=2), 2)
    os.kill(parent(processes[0]), signal.SIGKILL)
    until(lambda: all(map(gone, processes)))


def test_a_process_with_a_thread_is_not_forked(make: MakePool, tmp_path: Path) -> None:
    pool = make("threaded_entry")
    assert result_of(pool, tmp_path, "pass").status == "passed"
    assert parent(pool.process(0)) == os.getpid()


def test_a_pool_that_closes_does_not_wait_for_an_import(make: MakePool) -> None:
    began = time.monotonic()
    make("slow_entry").close()
    assert time.monotonic() - began < DEADLINE


def test_a_worker_has_the_environment_of_now(
    make: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CODE", '{"commit": "before"}')
    monkeypatch.setattr(fork_servers, "TRAINING", "fake_entry")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with fork_servers.keeping():
        monkeypatch.setenv("FAKE_CODE", '{"commit": "now"}')
        result = result_of(make(), tmp_path, "coded")
    assert result.provenance.code is not None
    assert result.provenance.code.commit == "now"


def test_pools_share_the_server_that_is_kept(
    make: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_servers, "TRAINING", "fake_entry")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with fork_servers.keeping():
        servers = []
        for _ in range(2):
            pool = make()
            servers.append(parent(*start(pool)))
            pool.close()
        assert servers[0] == servers[1]
        assert not gone(servers[0])
    assert gone(servers[0])


def test_a_server_of_other_trees_is_not_used(
    make: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in them is seen by what is imported, so that it is imported again."""
    monkeypatch.setattr(fork_servers, "TRAINING", "fake_entry")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with fork_servers.keeping():
        first = make()
        server = parent(*start(first))
        first.close()
        (tmp_path / "models").mkdir()
        monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path))
        assert parent(*start(make())) != server
        assert gone(server)


@pytest.mark.parametrize("module", ["fake_entry", "slow_entry"])
def test_a_server_ends_with_a_program_that_is_killed(spawn: Spawn, module: str) -> None:
    code = (
        "import sys, time; from espalier.run.workers import fork_client\n"
        "server = fork_client.ForkServer(sys.argv[1])\n"
        "print(server._process.pid, flush=True); time.sleep(60)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", code, module]
    program = spawn(command, stdout=subprocess.PIPE, env=environ)
    assert program.stdout is not None
    server = int(program.stdout.readline())
    assert not gone(server)
    program.kill()
    until(lambda: gone(server))


def test_a_server_that_cannot_say_how_a_worker_ended_ends_the_others_with_what_they_started(
    spawn: Spawn, tmp_path: Path
) -> None:
    """Its client is gone, and the server hears of that by this alone."""
    channel, other = socket.socketpair()
    environ = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-P", "-m", fork_server.__name__, str(other.fileno()), "fake_entry"]
    fds = {"pass_fds": (other.fileno(),), "stderr": subprocess.PIPE, "env": environ}
    with other:
        server = spawn(command, **fds)
    tasks = [_fork(channel, number, tmp_path) for number in (1, 2)]
    processes: dict[int, int] = {}
    with channel.makefile("rb") as said:
        while len(processes) < len(tasks):
            message = json.loads(said.readline())
            processes |= {message["worker"]: message["process"]} if "process" in message else {}
    family = Task.single(trial(2, "family"), {}, tmp_path)
    os.write(tasks[1], json.dumps(family.as_json()).encode() + b"\n")
    child = tmp_path / "child"
    until(lambda: child.exists() and child.read_text(encoding="utf-8") != "")
    channel.shutdown(socket.SHUT_RD)  # what the server says is refused; its end is still open
    os.kill(processes[1], signal.SIGKILL)
    _, errors = server.communicate(timeout=DEADLINE)
    assert (server.returncode, errors) == (0, "")
    until(lambda: gone(processes[2]) and gone(int(child.read_text(encoding="utf-8"))))
    for descriptor in tasks:
        os.close(descriptor)
    channel.close()


def _fork(channel: socket.socket, number: int, folder: Path) -> int:
    """Ask for a worker; return the descriptor that its tasks are written to."""
    task_end, tasks = os.pipe()
    message = {"worker": number, "entry": "fake_entry:train", "environment": {}}
    with (folder / "records").open("ab") as records, (folder / "log").open("ab") as log:
        descriptors = task_end, records.fileno(), log.fileno()
        descriptor_messages.send(channel, message, descriptors)
    os.close(task_end)
    return tasks


def test_a_process_that_cannot_be_forked_is_the_error_that_a_start_would_be(
    make: MakePool, tmp_path: Path
) -> None:
    """Here there is no process left that a user may have; in the server it is the same error."""
    client = ForkServer("failing_fork_entry")
    try:
        with (tmp_path / "log").open("wb") as log, pytest.raises(OSError, match="temporarily"):
            process = client.fork("fake_entry:train", {}, (log.fileno(),) * 3)
            process.wait(DEADLINE)
    finally:
        client.close()


@pytest.mark.parametrize(
    ("opened", "threads", "fit"),
    [
        (["/dev/null", "pipe:[7]"], 1, True),
        (["/dev/null", "/dev/nvidiactl"], 1, False),
        (["/dev/null"], 2, False),
    ],
)
def test_what_has_a_thread_or_a_device_is_not_fit_to_be_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str], threads: int, fit: bool
) -> None:
    (tmp_path / "fd").mkdir()
    for number, name in enumerate(opened):
        (tmp_path / "fd" / f"{number}").symlink_to(name)
    for number in range(threads):
        (tmp_path / "task" / f"{number}").mkdir(parents=True)
    monkeypatch.setattr(fork_server, "_PROCESS", tmp_path)
    assert fork_server.is_fit() is fit
