"""`sweep-watch`: a sweep seen from another process, and what ends the view."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fake_sweep
import pytest
from fake_sweep import HERE, SETTINGS, trial
from running_sweeps import until, wait_for_new_attempt
from stored_sweeps import stored
from terminal_screen import TerminalScreen, pseudo_terminal
from trial_results import ended, sweep

from espalier.commands.sweeps.sweep_watch import command
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.store.locks import runner_of
from espalier.store.results_dir import sweeps

Spawn = Callable[..., "subprocess.Popen[str]"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE), "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
SLOW = [trial(1), trial(2, EPOCHS="400", SECONDS="0.05"), trial(3, "diverge")]


def started(spawn: Spawn, results: Path) -> tuple[subprocess.Popen[str], Path]:
    """A runner at work on SLOW, one trial at a time, and the folder of its sweep."""
    runner = spawn(
        fake_sweep.command(results, SLOW, parallel=1), stdout=subprocess.DEVNULL, env=ENVIRONMENT
    )
    wait_for_new_attempt(results, runner)
    (folder,) = sweeps(results)
    return runner, folder


def watch(spawn: Spawn, *options: str, **streams: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-P", "-m", "espalier", "sweep-watch", *options]
    return spawn(words, env=ENVIRONMENT, **{"stdout": subprocess.PIPE, **streams})


def read_until(process: subprocess.Popen[str], text: str) -> str:
    seen = ""
    while text not in seen:
        line = process.stdout.readline()  # type: ignore[union-attr]
        assert line, seen
        seen += line
    return seen


def test_ctrl_c_ends_the_view_alone_and_a_dead_runner_is_said(spawn: Spawn, tmp_path: Path) -> None:
    runner, folder = started(spawn, tmp_path)
    piped = watch(spawn, "--dir", str(folder))
    with pseudo_terminal(100, 20) as terminal:
        view = watch(spawn, "--dir", str(folder), stdout=terminal.slave, stderr=terminal.slave)
        until(lambda: "config_002 epoch" in terminal.draw())
        assert "/3 done (1 passed), 1 running  ETA" in terminal.screen.text
        view.send_signal(signal.SIGINT)
        assert view.wait() == 130
        assert terminal.draw().endswith("the view has ended; a sweep that runs goes on")
        assert "config_002 epoch" not in terminal.screen.text
    read_until(piped, " done")
    assert runner.poll() is None and runner_of(folder)
    runner.kill()
    output, _ = piped.communicate()
    assert piped.returncode == 130
    assert "its runner has died while 1 trial ran: 1 passed, 2 to go; `" in output


def test_a_sweep_that_has_ended_is_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diverged = ended(trial(3), Status.FAILED, "diverged", "loss is not finite")
    folder = stored(tmp_path / "s", [*sweep({"0.85": [90.0, 91.0]}), diverged], settings=SETTINGS)
    assert command.main(["--dir", str(folder)], standalone_mode=False) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"{folder}: has ended\nBest of 1 configuration")
    assert "\n3 trials: 2 passed, 1 failed\n" in output


def test_a_folder_and_the_next_sweep_are_not_both_watched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="says which sweep it is; leave one out"):
        command.main(["--dir", str(tmp_path), "--wait"], standalone_mode=False)


def test_the_screen_of_these_tests_breaks_lines_as_terminals_do() -> None:
    screen = TerminalScreen(4, 3)
    screen.feed("abcdef\r\nxy")
    assert screen.text == "abcd\nef\nxy"
    screen.resize(2, 6)
    assert screen.text == "ab\ncd\nef\nxy" and screen.row == 3
