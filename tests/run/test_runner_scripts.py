"""Sweeps of programs: nothing that a program has started outlives its trial, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import Start, request
from running_sweeps import attempts, finished, opened, tried
from script_trials import ESCAPING, LAST, gone, noted, script_trial, until

from espalier.run import launch
from espalier.run.entries import entry_of
from espalier.scripts import script_identity
from espalier.store.results_dir import sweeps

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="orphans are adopted on Linux alone"
)
PROGRAM = "program.sh"
HANGING = ESCAPING + LAST + "wait"
LOADING = """\
import multiprocessing, os, time

def load(queue):
    os.setsid()
    with open("pids", "a") as file:
        print(os.getpid(), file=file)
    while True:
        queue.put(os.getpid())
        time.sleep(0.01)

context = multiprocessing.get_context("fork")
queue = context.Queue()
loaders = [context.Process(target=load, args=(queue,)) for _ in range(2)]
for loader in loaders:
    loader.start()
while True:
    queue.get()
"""
"""A program with two processes that load its data, each in a session of its own."""


def wish(folder: Path, text: str, count: int = 1, **changes: Any) -> dict[str, Any]:
    """Arguments of `fake_sweep.request` for trials whose program is a text."""
    (folder / PROGRAM).write_text(text, encoding="utf-8")
    trials = [script_trial(n, f"sh {PROGRAM} {{SEED}}", LR="0.1") for n in range(1, count + 1)]
    settings = {"SCRIPT_FOLDER": str(folder), "MAX_ATTEMPTS": "1"}
    digest = script_identity.identify([trials[0].config], settings).digest
    entry = entry_of({"TRAINER": "script"})
    return {"trials": trials, "entry": entry, "SCRIPT_DIGEST": digest, **settings, **changes}


def trial_folder(results: Path, number: int = 1) -> Path:
    until(lambda: bool(sweeps(results)))
    with opened(results) as store:
        return sweeps(results)[0] / store.directories()[number]


def results_of(folder: Path) -> Path:
    (folder / "results").mkdir(exist_ok=True)
    return folder / "results"


def run(folder: Path, text: str, count: int = 1, **changes: Any) -> int:
    arguments = wish(folder, text, count, **changes)
    return launch.run(request(results_of(folder), **arguments))


def test_every_trial_has_the_result_of_its_program(tmp_path: Path) -> None:
    text = 'echo "{\\"val_acc\\": 0.$1}" >> "$ESPALIER_LOG"; echo said $1'
    assert run(tmp_path, text, 4) == 0
    with opened(results_of(tmp_path)) as store:
        scores = {
            trial.number: result.measures["val_acc"] for trial, result, _ in store.final_results()
        }
    assert scores == {n: pytest.approx(10.0 * n) for n in (1, 2, 3, 4)}
    log = (trial_folder(results_of(tmp_path), 2) / "output.log").read_text(encoding="utf-8")
    assert f"== $ sh {tmp_path / PROGRAM} 2\nsaid 2\n" in log


def test_a_program_that_fails_once_is_tried_again_in_its_folder(tmp_path: Path) -> None:
    text = "test -e half || { echo 'ValueError: no'; touch half; exit 1; }\n" + LAST
    assert run(tmp_path, text, MAX_ATTEMPTS="2") == 0
    assert tried(results_of(tmp_path)) == [(1, "error", "crash"), (1, "passed", "")]
    first = attempts(results_of(tmp_path))[0]
    assert first.message == "its program exited with code 1: ValueError: no"


def test_a_time_out_ends_all_that_a_program_has_started(tmp_path: Path) -> None:
    assert run(tmp_path, HANGING, TRIAL_TIMEOUT="1") == 1
    assert tried(results_of(tmp_path)) == [(1, "error", "timeout")]
    pids = noted(trial_folder(results_of(tmp_path)), 2)
    assert [gone(process) for process in pids] == [True, True]


@pytest.fixture(params=["shell", "loaders"])
def hanging(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "shell":
        return HANGING
    (tmp_path / "loading.py").write_text(LOADING, encoding="utf-8")
    return f"exec '{sys.executable}' '{tmp_path / 'loading.py'}'"


def started(
    start: Start, folder: Path, text: str, **changes: Any
) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a sweep of one program; return its runner and what the program has started."""
    arguments = wish(folder, text, **changes)
    runner = start(results_of(folder), parallel=1, **arguments)
    return runner, noted(trial_folder(results_of(folder)), 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_leaves_no_process(
    start: Start, tmp_path: Path, hanging: str, number: signal.Signals
) -> None:
    runner, pids = started(start, tmp_path, hanging)
    runner.send_signal(number)
    runner.communicate(timeout=20)
    assert [gone(process) for process in pids] == [True, True]


def test_kill_9_of_the_runner_leaves_no_process(start: Start, tmp_path: Path, hanging: str) -> None:
    runner, pids = started(start, tmp_path, hanging)
    runner.kill()
    runner.communicate(timeout=20)
    until(lambda: all(gone(process) for process in pids))


def test_kill_9_of_a_worker_leaves_no_process(start: Start, tmp_path: Path, hanging: str) -> None:
    runner, pids = started(start, tmp_path, hanging)
    os.kill(attempts(results_of(tmp_path))[0].worker, signal.SIGKILL)
    runner.communicate(timeout=20)
    assert tried(results_of(tmp_path)) == [(1, "error", "crash")]
    assert [gone(process) for process in pids] == [True, True]


def test_kill_9_of_both_leaves_no_process(start: Start, tmp_path: Path, hanging: str) -> None:
    runner, pids = started(start, tmp_path, hanging)
    os.kill(attempts(results_of(tmp_path))[0].worker, signal.SIGKILL)
    runner.kill()
    runner.communicate(timeout=20)
    until(lambda: all(gone(process) for process in pids))


def test_a_sweep_goes_on_where_it_was_killed(start: Start, tmp_path: Path) -> None:
    once = "test $1 != 3 -o -e pids || { echo $$ >> pids; exec sleep 600; }\n"
    arguments = wish(tmp_path, once + LAST, 4)
    runner = start(results_of(tmp_path), parallel=1, **arguments)
    noted(trial_folder(results_of(tmp_path), 3), 1)
    runner.kill()
    runner.communicate(timeout=20)
    assert launch.run(request(results_of(tmp_path), **arguments)) == 0
    assert finished(results_of(tmp_path)) == dict.fromkeys(range(1, 5), "passed")
    tries = [attempt.trial for attempt in attempts(results_of(tmp_path))]
    assert tries == [1, 2, 3, 3, 4]
