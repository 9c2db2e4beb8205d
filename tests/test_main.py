"""`python -m espalier`: the verbs it lists, and that whatever is wrong is one line."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from running_sweeps import heeds, until

from espalier import __main__ as espalier
from espalier import __version__
from espalier.run.ray import kept_cluster
from espalier.run.workers import fork_servers

Spawn = Callable[..., "subprocess.Popen[str]"]


def full(path: str) -> int:
    raise OSError(28, "No space left on device")


def read(path: str) -> int:
    return len(Path(path).read_text(encoding="utf-8"))


def query(path: str) -> int:
    sqlite3.connect(path).execute("select * from trials")
    return 0


def broken(path: str) -> int:
    raise ZeroDivisionError


def stopped(path: str) -> int:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in (full, read, query, broken, stopped):
        name, path = function.__name__, click.Argument(["path"])
        command = click.Command(name, callback=function, params=[path])
        monkeypatch.setitem(espalier.COMMAND_LINE.commands, name, command)


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("full", "full: No space left on device"),
        ("read", "{path}: Is a directory"),
        ("query", "query: unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, says: str
) -> None:
    assert espalier.main([verb, str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {says.format(path=tmp_path)}\n"


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        espalier.main(["broken", "path"])


def test_control_c_is_one_line_and_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert espalier.main(["stopped", "path"]) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What becomes of servers that workers are forked from."""
    events: list[str] = []

    class Server:
        def __init__(self, module: str) -> None:
            events.append(f"imports {module}")

        def close(self) -> None:
            events.append("closed")

    monkeypatch.setattr(fork_servers, "ForkServer", Server)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield events
    os.environ.clear()  # of the variables that a command puts there
    os.environ.update(before)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_workers_are_prepared_at_once_and_given_up_if_the_plan_is_at_fault(
    servers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["espalier", "sweep", "none-of-these"])
    assert espalier.main() == 2
    assert servers == ["imports espalier.train.worker_entry", "closed"]


@pytest.mark.parametrize(
    "words", ["sweep my-range --dry-run", "sweep --help", "lint --no-such", "train EXECUTOR=ray"]
)
def test_no_workers_are_prepared_for_what_needs_none(
    servers: list[str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["espalier", *words.split()])
    espalier.main()
    assert servers == []


def test_a_search_keeps_a_cluster_for_all_its_rounds(
    servers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def joined() -> Iterator[None]:
        servers.append("joined")
        yield
        servers.append("left")

    def rounds(args: Sequence[str]) -> int:
        for _ in range(2):
            with kept_cluster.kept("key", joined):
                pass
        return 0

    monkeypatch.setattr(espalier, "run", rounds)
    monkeypatch.setattr(sys, "argv", ["espalier", "seed-finder", "EXECUTOR=ray"])
    assert espalier.main() == 0
    assert servers == ["joined", "left"]


def test_a_signal_is_heeded_from_the_first_line_of_the_program(spawn: Spawn) -> None:
    command = [sys.executable, "-P", "-m", "espalier", "lint"]
    process = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: heeds(process.pid))
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    assert process.communicate(timeout=20) == ("", "stopped\n")
    assert process.returncode == 130


def test_output_that_cannot_be_written_is_one_line_and_no_success() -> None:
    command = [sys.executable, "-P", "-m", "espalier", "--version"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(": No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "sweep-rum",
            "no such command 'sweep-rum'; did you mean sweep-run or sweep-rebuild or sweep?",
        ),
        ("list", "no such command 'list'; did you mean sweep-list?"),
        ("zzz", "no such command 'zzz'; see python -m espalier --help"),
        ("--zzz", "no such option '--zzz'; see python -m espalier --help"),
        (
            "sweep-status --dri x",
            "sweep-status: no such option '--dri'; did you mean --dir?",
        ),
        (
            "sweep-status a b",
            "sweep-status: got unexpected extra arguments (a b); "
            "see python -m espalier sweep-status --help",
        ),
        (
            "sweep-generate",
            "sweep-generate: missing argument 'RANGE_CONFIG...'; "
            "see python -m espalier sweep-generate --help",
        ),
        (
            "sweep-status --dir",
            "sweep-status: option '--dir' requires an argument; "
            "see python -m espalier sweep-status --help",
        ),
        (
            "sweep-rebuild",
            "sweep-rebuild: missing option '--dir' (env var: 'DIR'); "
            "see python -m espalier sweep-rebuild --help",
        ),
        ("sweep-leaderboard --top 0", "--top 0: must be an integer of at least 1"),
        (
            "sweep-lineage --format gif",
            "--format gif: must be one of pdf, svg, png",
        ),
        ("sweep-focus --region nan", "--region nan: must be a factor above 1, such as 2"),
        (
            "sweep-run --output-dir --dry-run",
            "--output-dir --dry-run: must be a path; ./--dry-run is a file so called",
        ),
        ("config menuconfig x", "config menuconfig: takes no file, got 'x'"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    assert espalier.main(words.split()) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def test_without_a_verb_the_verbs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert espalier.main([]) == 2
    assert "  sweep-run " in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert espalier.main(["--version"]) == 0
    assert capsys.readouterr().out == f"espalier, version {__version__}\n"
