"""An entry for worker groups: rank 1 does what SECOND says while rank 0 waits for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import fake_entry

from espalier.core.trial import Emit, Result, Status, Task


def train(task: Task, emit: Emit) -> Result:
    """Each notes its place; a rank 0 that comes to its end tells what was noted."""
    emit({"epoch": 1, "epochs": 1, "rank": task.rank})
    draft = task.directory / f"draft{task.rank}"
    draft.write_text(
        f"{os.getpid()} {task.rendezvous} {os.environ['CUDA_VISIBLE_DEVICES']}", encoding="utf-8"
    )
    draft.rename(task.directory / f"rank{task.rank}")
    if task.rank:
        return fake_entry.ACTS[task.trial.config["SECOND"]](task)
    if task.trial.ranks > 1:
        ACTS[task.trial.config["ACT"]](task)
    return Result(Status.PASSED, measures={"noted": noted(task.directory)})


def noted(folder: Path) -> dict[str, list[str]]:
    """Process, meeting and device of each rank."""
    return {
        path.name: path.read_text(encoding="utf-8").split(" ")
        for path in sorted(folder.glob("rank*"))
    }


def gone(pid: int) -> bool:
    """No process, or one that is dead and not yet collected."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
            == "Z"
        )
    except OSError:
        return True


def _meet(task: Task) -> None:
    """Go on once rank 1 is there."""
    _until(lambda: "rank1" in noted(task.directory))


def _lose(task: Task) -> None:
    """Notice that rank 1 has died, and complain of what follows from it."""
    _meet(task)
    _until(lambda: gone(int(noted(task.directory)["rank1"][0])))
    raise RuntimeError("connection closed by peer")


def _fail(task: Task) -> None:
    _meet(task)
    raise RuntimeError("rank 0 alone")


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


ACTS = {"meet": _meet, "lose": _lose, "fail": _fail, "hang": fake_entry.hanging}
