"""A warm worker process: imports the entry once, then does task after task.

Jobs come in and records go out as lines of JSON over two pipes of their own, so that whatever a
trial prints lands in its output.log. The job pipe is also the lifeline: when it closes, the runner
is gone, and the worker ends itself and whatever it started.

A module that defines the entry may define more than that:

* `warm()`, called once, before the first task;
* `preflight(job)`, which says whether this machine has what a trial needs;
* `train_pack(jobs)`, which trains several trials as one program and yields the place of each in
  `jobs` and its result as it ends; what it raises is about those that have not ended;
* `probe_pack(jobs)`, which measures how many trials of their shape one program should train: a
  result with the measures `pack` and, where that is 1, `why`.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from espalier.errors import UserError
from espalier.sweep import space, wire
from espalier.trial import Entry, Job, Record, Result, Status, Trial

LOG = "output.log"
OOM = "oom"
"""The reason of an error for lack of memory: the trial is tried again by itself."""
HOPELESS = "input"
"""The reason of an error that trying again will not mend: missing data, a missing device."""
DISK_FULL = "disk_full"
"""The reason of an error that is none of the trial's doing: it stops the sweep."""
PACK = "pack_"
"""How the reason of an error begins that one of several trials, or their number, caused."""
OVER = {"over": True}
"""The record that ends a task, after its last result."""
TRAIN, PREFLIGHT, PROBE = "train", "preflight", "probe"
"""What may be asked of a worker about the trials of a task."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Member:
    """One trial of a task: where it may write, and which attempt at it this is."""

    trial: Trial
    directory: Path
    attempt: int

    def as_json(self) -> Record:
        """This member as a JSON object."""
        return {**vars(self), "trial": self.trial.as_json(), "directory": str(self.directory)}

    @classmethod
    def from_json(cls, record: Record) -> Member:
        """The inverse of `as_json`."""
        trial, directory = Trial.from_json(record["trial"]), Path(record["directory"])
        return cls(trial, directory, record["attempt"])


@dataclass(frozen=True)
class Task:
    """What a worker is asked about one trial or several: to train them, or a question.

    A trial that several workers train together is given to each with its `rank`, from 0, and the
    file of their `meeting`; rank 0 alone tells of progress.
    """

    members: tuple[Member, ...]
    settings: dict[str, str]
    ask: str = TRAIN
    rank: int = 0
    meeting: str = ""

    @property
    def ranks(self) -> int:
        """How many workers it is for. Trials that are trained together with others have one."""
        alone = self.ask == TRAIN and len(self.members) == 1
        return self.members[0].trial.ranks if alone else 1

    @property
    def awaited(self) -> list[int]:
        """The numbers of the trials that a result is due for; a question has one answer."""
        due = self.members if self.ask == TRAIN else self.members[:1]
        return [one.trial.number for one in due]

    @property
    def log(self) -> Path:
        """Where the output of the whole task goes."""
        return self.members[0].directory / LOG

    def as_json(self) -> Record:
        """This task as a JSON object."""
        return {**vars(self), "members": [one.as_json() for one in self.members]}

    @classmethod
    def from_json(cls, record: Record) -> Task:
        """The inverse of `as_json`."""
        return cls(**{**record, "members": tuple(map(Member.from_json, record["members"]))})


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


def attempt(entry: Entry, task: Task, emit: Callable[[int, Record], None]) -> Iterator[list[str]]:
    """Do a task; results as lines of JSON as they come, whatever the entry raised.

    Results that come at once come in one list. `emit` is given the number of the trial and its
    record. The library's only broad `except`: what goes wrong in a trial is data about that trial.
    """
    due = dict.fromkeys(task.awaited)

    def tell(number: int, record: Record) -> None:
        if number in due and not task.rank:  # whoever has a result has no more to say
            emit(number, record)

    try:
        for place, result in _asked(entry, task, _jobs(task, tell)):
            number = task.members[place].trial.number
            line = _result_line(number, checked(result))
            del due[number]
            yield [line]
        if due:
            raise RuntimeError(f"{len(due)} of {len(task.members)} trials were left without result")
    except Exception as error:  # noqa: BLE001
        with suppress(OSError):  # the disk of the log may be what is full
            traceback.print_exc()
        if due:
            result = of_several(len(task.members), failure(error))
            yield [_result_line(number, result) for number in due]


def _result_line(number: int, result: Result) -> str:
    return wire.encode({"trial": number, "result": result.as_json()})


def _jobs(task: Task, emit: Callable[[int, Record], None]) -> list[Job]:
    place = task.rank, task.meeting
    return [
        Job(one.trial, task.settings, one.directory, partial(emit, one.trial.number), *place)
        for one in task.members
    ]


def _asked(entry: Entry, task: Task, jobs: Sequence[Job]) -> Iterable[tuple[int, Result]]:
    """The place in `jobs` of each trial that there is a result for, and that result."""
    module = sys.modules[entry.__module__]
    if task.ask == PREFLIGHT:
        yield 0, getattr(module, "preflight", _without_needs)(jobs[0])
    elif task.ask == PROBE:
        yield 0, getattr(module, "probe_pack", _without_packs)(jobs)
    elif len(jobs) > 1 and hasattr(module, "train_pack"):
        yield from module.train_pack(jobs)
    else:
        yield from ((place, entry(job)) for place, job in enumerate(jobs))


def _without_needs(job: Job) -> Result:
    del job
    return Result(Status.PASSED)


def _without_packs(jobs: Sequence[Job]) -> Result:
    del jobs
    return Result(Status.PASSED, measures={"pack": 1})


def of_several(count: int, result: Result) -> Result:
    """What an error of a task of `count` trials means for each of them that has not ended.

    Among several it may be the fault of another one, or of their number.
    """
    if count == 1 or result.reason == DISK_FULL:
        return result
    return replace(result, reason=f"{PACK}{result.reason}")


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
        return Result(Status.ERROR, OOM, message)
    if isinstance(error, OSError) and error.errno in space.NO_SPACE:
        return Result(Status.ERROR, DISK_FULL, message)
    return Result(Status.ERROR, "crash", message)


@contextmanager
def captured(task: Task) -> Iterator[None]:
    """Append what this process and its children print to the output.log of the first trial.

    Those of the other trials say which one that is.
    """
    kept = os.dup(1), os.dup(2)
    for one in task.members[1:] if task.ask == TRAIN else ():
        where = f"with {task.members[0].trial.name}: see ../{task.log.parent.name}/{LOG}"
        with (one.directory / LOG).open("a") as other:
            other.write(f"{_heading(one)}, {where}\n")
    with task.log.open("ab", buffering=0) as log:
        log.write(f"{_heading(task.members[0], task.rank)}\n".encode())
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


def _heading(one: Member, rank: int = 0) -> str:
    which = f" rank {rank}" if rank else ""
    return f"== {one.trial.name} attempt {one.attempt}{which}, {time.ctime()}"


def _serve(entry: Entry, task: Task, pipe: BinaryIO) -> None:
    def emit(number: int, record: Record) -> None:
        _send(pipe, wire.encode({"trial": number, "progress": record}))

    due, last = len(task.awaited), [""]
    with captured(task):
        for last in attempt(entry, task, emit):
            due -= len(last)
            if due:
                _send(pipe, *last)
    _send(pipe, *last, wire.encode(OVER))  # at once: the runner then has a free worker to count on


def _send(pipe: BinaryIO, *lines: str) -> None:
    pipe.write(b"".join(line.encode() + b"\n" for line in lines))
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
