"""A warm worker process: imports the entry once, then trains trial after trial.

Jobs come in and records go out as lines of JSON over two pipes of their own, so that whatever a
trial prints lands in its output.log. The job pipe is also the lifeline: when it closes, the runner
is gone, and the worker ends itself and whatever it started.

A module that defines the entry may define `warm()`, called once, before the first job, and
`preflight(job)`, which says whether this machine has what a trial needs.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from espalier.errors import UserError
from espalier.sweep import space, wire
from espalier.trial import Entry, Job, Record, Result, Status, Trial

LOG = "output.log"
HOPELESS = "input"
"""The reason of an error that trying again will not mend: missing data, a missing device."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Task:
    """A job on its way to a worker: what `Job` holds, less the way back.

    With `preflight` the trial is not trained: the entry's module is asked whether it could be.
    """

    trial: Trial
    settings: dict[str, str]
    directory: Path
    attempt: int
    preflight: bool = False

    def as_json(self) -> Record:
        """This task as a JSON object."""
        return {
            "trial": self.trial.as_json(),
            "settings": self.settings,
            "directory": str(self.directory),
            "attempt": self.attempt,
            "preflight": self.preflight,
        }

    @classmethod
    def from_json(cls, record: Record) -> Task:
        """The inverse of `as_json`."""
        trial, directory = Trial.from_json(record["trial"]), Path(record["directory"])
        return cls(**{**record, "trial": trial, "directory": directory})


def main(argv: list[str] | None = None) -> None:
    """Serve jobs until the lifeline closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entry", required=True, help="module:function")
    parser.add_argument("--jobs", type=int, required=True, help="descriptor to read jobs from")
    parser.add_argument("--records", type=int, required=True, help="descriptor to write to")
    args = parser.parse_args(argv)
    die_with_parent()
    jobs: SimpleQueue[Record] = SimpleQueue()
    threading.Thread(target=_listen, args=(args.jobs, jobs), daemon=True).start()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with os.fdopen(args.records, "wb") as pipe:
        entry = load(args.entry)
        _send(pipe, wire.encode({"ready": os.getpid()}))
        while True:
            _serve(entry, Task.from_json(jobs.get()), pipe)


def load(name: str) -> Entry:
    """The entry `module:function`, its module's `warm()` already called.

    Raises UserError if the name is of another form or there is no such function.
    """
    module_name, _, function = name.partition(":")
    module = importlib.import_module(module_name)
    entry: Entry | None = getattr(module, function or " ", None)
    if entry is None:
        raise UserError(f"--entry {name}: must be module:function; {module_name} has none such")
    warm: Callable[[], None] | None = getattr(module, "warm", None)
    if warm is not None:
        warm()
    return entry


def die_with_parent() -> None:
    """Ask the kernel, where it can, to kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def attempt(entry: Entry, task: Task, emit: Callable[[Record], None]) -> str:
    """Run one trial; its result as a line of JSON, whatever the entry raised.

    The library's only broad `except`: what goes wrong in a trial is data about that trial.
    """
    job = Job(task.trial, task.settings, task.directory, emit)
    function = preflight(entry) if task.preflight else entry
    try:
        return wire.encode({"result": checked(function(job)).as_json()})
    except Exception as error:  # noqa: BLE001
        with suppress(OSError):  # the disk of the log may be what is full
            traceback.print_exc()
        return wire.encode({"result": failure(error).as_json()})


def preflight(entry: Entry) -> Entry:
    """What the entry's module offers to call before training, or else a check that passes."""
    module = sys.modules[entry.__module__]
    offered: Entry = getattr(module, "preflight", lambda job: Result(Status.PASSED))
    return offered


def checked(result: Result) -> Result:
    """`result`, if it is one that an attempt can have. Raises ValueError otherwise."""
    if result.status is Status.NOTRUN:
        raise ValueError("an entry must not return status notrun")
    return result


def failure(error: Exception) -> Result:
    """The result of a trial that raised `error`."""
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    text = " ".join(str(error).split())
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if "builtins.MemoryError" in kinds or any(kind.endswith(".OutOfMemoryError") for kind in kinds):
        return Result(Status.ERROR, "oom", message)
    if isinstance(error, OSError) and error.errno in space.NO_SPACE:
        return Result(Status.ERROR, "disk_full", message)
    return Result(Status.ERROR, "crash", message)


@contextmanager
def captured(task: Task) -> Iterator[None]:
    """Append what this process and its children print to the trial's output.log."""
    kept = os.dup(1), os.dup(2)
    with (task.directory / LOG).open("ab", buffering=0) as log:
        log.write(f"== {task.trial.name} attempt {task.attempt}, {time.ctime()}\n".encode())
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            with suppress(OSError):
                stream.flush()
            os.dup2(kept[number - 1], number)
            os.close(kept[number - 1])


def _serve(entry: Entry, task: Task, pipe: BinaryIO) -> None:
    def emit(record: Record) -> None:
        _send(pipe, wire.encode({"progress": record}))

    with captured(task):
        line = attempt(entry, task, emit)
    _send(pipe, line)


def _send(pipe: BinaryIO, line: str) -> None:
    pipe.write(line.encode() + b"\n")
    pipe.flush()


def _listen(descriptor: int, jobs: SimpleQueue[Record]) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        for line in pipe:
            jobs.put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(errno.EPIPE)


if __name__ == "__main__":
    main()
