"""Trials that are programs: small shell scripts, and tasks that run them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from espalier.core.trial import Task, Trial
from espalier.scripts import script_identity

SETTINGS = {
    "RANK_BY": "val_acc",
    "TRAINER": "script",
    "DEVICE": "cpu",
    "MAX_ATTEMPTS": "2",
    "TRIAL_TIMEOUT": "0",
    "PARALLEL": "2",
}
ESCAPING = """\
(setsid sh -c 'echo $$ >> pids; trap "" TERM HUP INT; while :; do sleep 1; done' &)
sleep 600 & echo $! >> pids
"""
"""Starts a daemon in a session of its own that ignores signals, and a child; notes their ids."""
LAST = 'echo \'{"val_acc": 0.5}\' >> "$ESPALIER_LOG"\n'
"""Reports a measure."""


def script_trial(number: int, command: str, pattern: str = "", **config: str) -> Trial:
    fixed = {"SEED": str(number), "NUM_EPOCHS": "3", "CPU_THREADS": "1"}
    own = {**fixed, "SCRIPT": command, "SCRIPT_PATTERN": pattern, **config}
    return Trial(number, f"config_{number:03}", f"id{number:010}", own, {"SEED": str(number)})


def script_task(
    folder: Path, program: str, pattern: str = "", attempt: int = 1, **settings: str
) -> Task:
    """A task whose program is the text of a shell script, in the folder `trial` of `folder`."""
    (folder / "program.sh").write_text(program, encoding="utf-8")
    directory = folder / "trial"
    directory.mkdir(exist_ok=True)
    places = {**SETTINGS, "SCRIPT_FOLDER": str(folder), **settings}
    trial = script_trial(1, "sh program.sh {SEED}", pattern)
    places["SCRIPT_DIGEST"] = script_identity.identify([trial.config], places).digest
    return Task((trial,), places, (directory,), (attempt,))


def with_command(task: Task, command: str) -> Task:
    """The same task with another command, whose files are as they were planned."""
    trial = replace(task.trial, config={**task.trial.config, "SCRIPT": command})
    digest = script_identity.identify([trial.config], task.settings).digest
    return replace(task, trials=(trial,), settings={**task.settings, "SCRIPT_DIGEST": digest})


def noted(directory: Path, count: int) -> list[int]:
    """The process ids that a program has noted, once there are so many."""
    until(lambda: len(_noted(directory)) >= count)
    return _noted(directory)


def _noted(directory: Path) -> list[int]:
    path = directory / "pids"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [int(line) for line in text.split("\n")[:-1]]


def gone(process: int) -> bool:
    """Whether a process has ended; one that is still to be waited for has, too."""
    try:
        os.kill(process, 0)
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
