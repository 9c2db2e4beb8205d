"""An entry that trains packs, without torch, and each way in which a pack can go wrong.

The trials of a pack end in reverse order. `PACKED` says what a trial does when its turn comes in
company; alone it does its ACT.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import fake_entry

from espalier.core.trial import Emit, Record, Result, Status, Task


def train(task: Task, emit: Emit) -> Result:
    return fake_entry.train(task, emit)


def train_pack(
    tasks: Sequence[Task], emit: Callable[[int, Record], None]
) -> Iterator[tuple[int, Result]]:
    print(f"a pack of {len(tasks)}")
    for place in reversed(range(len(tasks))):
        config = tasks[place].trial.config
        if len(tasks) > int(config.get("FITS", "4096")):
            raise MemoryError("too many")
        misfortune(config.get("PACKED", ""))
        for _ in range(int(config.get("TIMES", "1"))):
            yield place, fake_entry.train(tasks[place], partial(emit, place))
    misfortune(tasks[0].trial.config.get("AFTER", ""))


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


def probe_pack(tasks: Sequence[Task]) -> Result:
    config = tasks[0].trial.config
    with Path(config["ASKED"]).open("a", encoding="utf-8") as file:
        file.write(f"{tasks[0].trial.shape} {len(tasks)}\n")
    misfortune(config["ANSWER"])
    size, _, why = config["ANSWER"].partition(" ")
    return Result(Status.PASSED, measures={"pack": int(size), "why": why})
