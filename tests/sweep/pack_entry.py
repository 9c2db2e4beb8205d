"""An entry that trains packs, without torch, and each way in which a pack can go wrong.

The trials of a pack end in reverse order. `PACKED` says what a trial does when its turn comes in
company; alone it does its ACT.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import fake_entry

from espalier.trial import Job, Result, Status


def train(job: Job) -> Result:
    return fake_entry.train(job)


def train_pack(jobs: Sequence[Job]) -> Iterator[tuple[int, Result]]:
    print(f"a pack of {len(jobs)}")
    for place in reversed(range(len(jobs))):
        config = jobs[place].trial.config
        if len(jobs) > int(config.get("FITS", "4096")):
            raise MemoryError("too many")
        misfortune(config.get("PACKED", ""))
        for _ in range(int(config.get("TIMES", "1"))):
            yield place, fake_entry.train(jobs[place])
    misfortune(jobs[0].trial.config.get("AFTER", ""))


def misfortune(kind: str) -> None:
    if kind == "raise":
        raise RuntimeError("broken together")
    if kind == "exit":
        os._exit(7)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        time.sleep(600)
    if kind == "full":
        raise OSError(28, "No space left on device")


def probe_pack(jobs: Sequence[Job]) -> Result:
    config = jobs[0].trial.config
    with Path(config["ASKED"]).open("a") as file:
        file.write(f"{jobs[0].trial.shape} {len(jobs)}\n")
    misfortune(config["ANSWER"])
    size, _, why = config["ANSWER"].partition(" ")
    return Result(Status.PASSED, measures={"pack": int(size), "why": why})
