"""Programs of a worker, and that nothing of them outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from script_trials import ESCAPING, gone, noted, until

from espalier.scripts.programs import supervised_program
from espalier.scripts.programs.supervised_program import (
    CannotStartError,
    Invocation,
    SupervisorLostError,
    running,
    supervisor,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")
STDERR = 2


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    supervised_program.end_supervisor()


def program(folder: Path, text: str, **environment: str) -> Invocation:
    return Invocation(["sh", "-c", text], folder, {**os.environ, **environment})


def code_of(work: Invocation) -> int:
    with running(work, STDERR) as run:
        while (code := run.wait(20)) is None:
            continue
        return code


def test_a_program_has_its_folder_environment_and_no_input(tmp_path: Path) -> None:
    text = 'pwd > where; echo "$NAME" > name; cat > input; exit 3'
    assert code_of(program(tmp_path, text, NAME="$(x) é")) == 3
    said = [(tmp_path / name).read_text(encoding="utf-8") for name in ("where", "name", "input")]
    assert said == [f"{tmp_path.resolve()}\n", "$(x) é\n", ""]


def test_one_supervisor_runs_one_after_the_other(tmp_path: Path) -> None:
    first = supervisor().process.pid
    assert [code_of(program(tmp_path, f"exit {n}")) for n in range(3)] == [0, 1, 2]
    assert supervisor().process.pid == first


def test_a_signal_is_a_negative_code(tmp_path: Path) -> None:
    assert code_of(program(tmp_path, "kill -9 $$")) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-program"], "CONFIG_SCRIPT: no-such-program: No such file or directory"),
        (
            ["./plain"],
            "CONFIG_SCRIPT: ./plain: is no program that can be run; name its interpreter ",
        ),
        (["sh", "a\0b"], "CONFIG_SCRIPT: embedded null byte"),
        (
            ["sh", "x" * 10**7],
            "CONFIG_SCRIPT: sh: its words and its environment, with all symbols, ",
        ),
    ],
)
def test_what_cannot_start_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "plain").write_text("exit 0\n", encoding="utf-8")
    with pytest.raises(CannotStartError) as caught:
        code_of(Invocation(arguments, tmp_path, {**os.environ}))
    assert str(caught.value).startswith(message)
    assert code_of(program(tmp_path, "exit 0")) == 0  # the supervisor goes on


@linux
def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    assert code_of(program(tmp_path, ESCAPING + "while [ ! -s pids ]; do :; done")) == 0
    assert all(gone(process) for process in noted(tmp_path, 1))


@linux
def test_a_block_that_is_broken_off_ends_its_program(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), running(program(tmp_path, ESCAPING + "wait"), STDERR):
        noted(tmp_path, 2)
        raise KeyboardInterrupt
    assert all(gone(process) for process in noted(tmp_path, 2))
    assert code_of(program(tmp_path, "exit 4")) == 4


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_end_leaves_a_supervisor_to_clear_up(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = supervisor().process
    assert code_of(program(tmp_path, f"kill -{number} $PPID; exit 5")) == 5
    assert code_of(program(tmp_path, "exit 0")) == 0
    assert supervisor().process is process


@linux
def test_a_stop_that_comes_too_late_leaves_the_next_program_alone(tmp_path: Path) -> None:
    process = supervisor()
    assert code_of(program(tmp_path, "exit 0")) == 0
    process.process.send_signal(signal.SIGSTOP)  # so that it reads both messages at once
    process._channel.sendall(supervised_program._STOP)
    with running(program(tmp_path, "exit 6"), STDERR) as run:
        process.process.send_signal(signal.SIGCONT)
        assert run.wait(20) == 6


@linux
def test_a_program_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    text = ESCAPING + "echo $$ >> pids; exec sleep 600"
    work = program(tmp_path, text, ESPALIER_TRIAL_DIR=str(tmp_path))
    with pytest.raises(SupervisorLostError), running(work, STDERR) as run:
        processes = noted(tmp_path, 3)
        os.kill(supervisor().process.pid, signal.SIGKILL)
        run.wait(20)
    until(lambda: all(gone(process) for process in processes))
    assert code_of(program(tmp_path, "exit 4")) == 4


WORKER = """
import os, sys
from pathlib import Path
from espalier.scripts.programs.supervised_program import Invocation, running
with running(Invocation(["sh", "-c", sys.argv[1]], Path.cwd(), dict(os.environ)), 2) as run:
    run.wait(600)
"""


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_all_ends_when_the_worker_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-P", "-c", WORKER, ESCAPING + "wait"],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        processes = noted(tmp_path, 2)
        worker.send_signal(number)
    finally:
        worker.wait(20) if number != signal.SIGINT else None
        worker.kill()
        worker.wait(20)
    until(lambda: all(gone(process) for process in processes))
