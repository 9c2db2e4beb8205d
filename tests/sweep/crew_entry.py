"""An entry for crews: rank 1 does what SECOND says while rank 0 waits, as in a collective."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import fake_entry

from espalier.trial import Job, Result, Status


def train(job: Job) -> Result:
    """Each notes its place; a rank 0 that comes to its end tells what was noted."""
    job.emit({"epoch": 1, "epochs": 1, "rank": job.rank})
    draft = job.directory / f"draft{job.rank}"
    draft.write_text(f"{os.getpid()} {job.meeting} {os.environ['CUDA_VISIBLE_DEVICES']}")
    draft.rename(job.directory / f"rank{job.rank}")
    if job.rank:
        return fake_entry.ACTS[job.trial.config["SECOND"]](job)
    if job.trial.ranks > 1:
        ACTS[job.trial.config["ACT"]](job)
    return Result(Status.PASSED, measures={"noted": noted(job.directory)})


def noted(folder: Path) -> dict[str, list[str]]:
    """Process, meeting and device of each rank."""
    return {path.name: path.read_text().split(" ") for path in sorted(folder.glob("rank*"))}


def gone(pid: int) -> bool:
    """No process, or one that is dead and not yet collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def _meet(job: Job) -> None:
    """Go on once rank 1 is there."""
    _until(lambda: "rank1" in noted(job.directory))


def _lose(job: Job) -> None:
    """Notice that rank 1 has died, and complain of what follows from it."""
    _meet(job)
    _until(lambda: gone(int(noted(job.directory)["rank1"][0])))
    raise RuntimeError("connection closed by peer")


def _fail(job: Job) -> None:
    _meet(job)
    raise RuntimeError("rank 0 alone")


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


ACTS = {"meet": _meet, "lose": _lose, "fail": _fail, "hang": fake_entry.hanging}
