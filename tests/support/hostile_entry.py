"""Trials that do to their worker, its pipes and their folder what no trial should do."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_entry

from espalier.core.trial import LOG, Emit, Result, Status, Task


def train(task: Task, emit: Emit) -> Result:
    """Do what the trial's ACT says, and pass if that is still possible."""
    act = task.trial.config["ACT"]
    if act in VALUES:
        return Result(Status.PASSED, measures={**fake_entry.passing(task).measures, **VALUES[act]})
    if act == "numpy":
        return Result(Status.PASSED, measures=scalars())
    ACTS.get(act, ordinary)(task, emit)
    return fake_entry.passing(task)


VALUES: dict[str, dict[str, Any]] = {
    "text": {"val_acc": "abc"},
    "huge": {"val_acc": 10**400},
    "endless": {"other": 10**5000},
    "list": {"test_acc": [[97.0]]},
    "truth": {"val_acc": True},
    "object": {"val_acc": object()},
    "nan": {"val_acc": float("nan")},
}


def scalars() -> dict[str, Any]:
    """Return measures as numpy has them."""
    import numpy as np

    return {"val_acc": np.float32(51.5), "count": np.int64(3), "each": [np.float64(1.0)]}


def ordinary(task: Task, emit: Emit) -> None:
    emit({"epoch": 1, "epochs": 1})


def pipes() -> list[int]:
    """Return the descriptors of this worker's pipes that can be written to."""
    descriptors = []
    for descriptor in range(3, 64):
        try:
            mode, flags = os.fstat(descriptor).st_mode, os.O_WRONLY
        except OSError:
            continue
        info = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="utf-8")
        if stat.S_ISFIFO(mode) and int(info.split()[3], 8) & flags:
            descriptors.append(descriptor)
    return descriptors


def writing(data: bytes) -> Callable[[Task, Emit], None]:
    def write(task: Task, emit: Emit) -> None:
        for pipe in pipes():
            os.write(pipe, data)

    return write


def repeated(task: Task, emit: Emit) -> None:
    """Send a result of its own, before the one that is returned."""
    number = task.trial.number
    line = f'{{"trial":{number},"result":{{"status":"passed"}}}}\n'
    writing(line.encode())(task, emit)


def ending_early(task: Task, emit: Emit) -> None:
    writing(f'{{"over":{task.trial.number}}}\n'.encode())(task, emit)


def endless_line(task: Task, emit: Emit) -> None:
    for pipe in pipes():
        while True:
            os.write(pipe, b"x" * (1 << 16))


def closing_pipes(task: Task, emit: Emit) -> None:
    for pipe in pipes():
        os.close(pipe)
    time.sleep(600)


def closing_all(task: Task, emit: Emit) -> None:
    os.closerange(0, 256)


def closing_stdout(task: Task, emit: Emit) -> None:
    sys.stdout.close()
    sys.stderr.close()


def forking(task: Task, emit: Emit) -> None:
    """Return twice, once in a child that holds all that its parent does."""
    os.fork()


def leaving(task: Task, emit: Emit) -> None:
    """Leave a daemon that holds the pipes, and die."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(3)
    os._exit(3)


def killing_group(task: Task, emit: Emit) -> None:
    os.killpg(0, signal.SIGKILL)


def deleting_folder(task: Task, emit: Emit) -> None:
    shutil.rmtree(task.directory)


def replacing(name: str, by: Callable[[Path], None]) -> Callable[[Task, Emit], None]:
    def replace(task: Task, emit: Emit) -> None:
        path = task.directory / name
        path.unlink(missing_ok=True)
        by(path)
        (path / "within").touch() if path.is_dir() else None
        if task.trial.config.get("THEN"):
            raise RuntimeError("afterwards")

    return replace


def leaving_elsewhere(task: Task, emit: Emit) -> None:
    os.chdir("/")


def exiting_python(task: Task, emit: Emit) -> None:
    sys.exit(0)


def bad_epoch(task: Task, emit: Emit) -> None:
    emit({"epoch": "one", "epochs": 2})


def not_utf8(task: Task, emit: Emit) -> None:
    raise FileNotFoundError(2, "missing", "caf\udce9")


def printing(task: Task, emit: Emit) -> None:
    """Print 40 MB: from this process, and from one that it starts."""
    for _ in range(16):
        print("x" * 999_999)
    subprocess.run(["sh", "-c", "head -c 24000000 /dev/zero | tr '\\0' y"], check=True)
    print("\nlast words")


ACTS: dict[str, Callable[[Task, Emit], None]] = {
    "garbage": writing(b"\xff\xfe{]\n"),
    "partial": writing(b'{"trial":'),
    "shape": writing(b'[1,"ready",{}]\n'),
    "nested": writing(b"[" * 60_000 + b"\n"),
    "over": ending_early,
    "stray_over": writing(b'{"over":999}\n'),
    "stranger": writing(b'{"trial":999,"result":{"status":"passed"}}\n'),
    "repeated": repeated,
    "endless_line": endless_line,
    "closing_pipes": closing_pipes,
    "closing_all": closing_all,
    "closing_stdout": closing_stdout,
    "forking": forking,
    "leaving": leaving,
    "killing_group": killing_group,
    "deleting_folder": deleting_folder,
    "log_folder": replacing(LOG, Path.mkdir),
    "log_pipe": replacing(LOG, os.mkfifo),
    "metrics_folder": replacing("training_metrics.json", Path.mkdir),
    "config_folder": replacing("config.txt", Path.mkdir),
    "leaving_elsewhere": leaving_elsewhere,
    "exiting_python": exiting_python,
    "bad_epoch": bad_epoch,
    "not_utf8": not_utf8,
    "printing": printing,
}
