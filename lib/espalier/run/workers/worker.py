"""A warm worker process: imports the entry once, then does task after task.

Tasks come in and records go out as lines of JSON over two pipes of their own, so that whatever a
trial prints lands in its output.log. The task pipe is also the lifeline: when it closes, the runner
is gone, and the worker ends itself and whatever it started.

A module that defines the entry may define more than that:

* `warm()`, called once, before the first task;
* `supervisor()`, the id of a process that ends what a trial has left if the worker is killed, and
  then itself: the runner waits for that;
* `preflight(task)`, which says whether this machine has what the trial of a task needs;
* `train_pack(tasks, emit)`, which trains the trials of several tasks as one program and yields the
  index in `tasks` and the result of each as it ends; `emit` takes the index too. What it raises is
  about those that have not ended;
* `probe_pack(tasks)`, which measures how many trials of their shape one program should train: a
  result with the measures `pack` and, where that is 1, `why`, and `doubt` where the machine was too
  busy to tell;
* `measure_speed(tasks)`, which says how long the trials of `tasks`, one program, take: see
  `espalier.train.speed`.
"""

from __future__ import annotations

import argparse
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
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, TextIO

from espalier.core import strict_json
from espalier.core.errors import UserError
from espalier.core.process import disk_full, os_errors
from espalier.core.process.descendants import die_with_parent
from espalier.core.process.log_files import open_log
from espalier.core.trial import LOG, Action, Entry, Record, Result, Status, Task
from espalier.run.workers.result_check import (
    BAD_RESULT,
    BadResultError,
    check_epoch,
    check_result,
    printable,
    refuse,
)

OOM = "oom"
"""The reason of an error for lack of memory: the trial is tried again by itself."""
HOPELESS = "input"
"""The reason of an error that trying again will not mend: missing data, a missing device."""
FINAL = (HOPELESS, BAD_RESULT)
"""The reasons of errors that trying again will not mend, and that do a worker no harm."""
DISK_FULL = "disk_full"
"""The reason of an error that is none of the trial's doing: it stops the sweep."""
PACK = "pack_"
"""How the reason of an error begins that one of several trials, or their number, caused."""

EmitOf = Callable[[int, Record], None]
"""Sends the progress record of one of several trials, which the number says."""


def main(argv: list[str] | None = None) -> None:
    """Do tasks until the lifeline closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entry", required=True, help="module:function")
    parser.add_argument("--tasks", type=int, required=True, help="descriptor to read tasks from")
    parser.add_argument("--records", type=int, required=True, help="descriptor to write to")
    args = parser.parse_args(argv)
    die_with_parent()
    tasks: SimpleQueue[Record] = SimpleQueue()
    threading.Thread(target=_listen, args=(args.tasks, tasks), daemon=True).start()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with os.fdopen(args.records, "wb") as pipe:
        entry = load(args.entry)
        _send(pipe, strict_json.encode({"ready": os.getpid(), "supervisor": _supervisor(entry)}))
        while True:
            _serve(entry, Task.from_json(tasks.get()), pipe)


def load(name: str) -> Entry:
    """Import the entry `module:function` and call `warm()` of its module.

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


def _supervisor(entry: Entry) -> int:
    """Return the id of the process that the entry's module has for when this one is killed."""
    start: Callable[[], int] | None = getattr(sys.modules[entry.__module__], "supervisor", None)
    return 0 if start is None else start()


def perform(entry: Entry, task: Task, emit: EmitOf) -> Iterator[list[str]]:
    """Do a task; yield results as lines of JSON as they come, whatever the entry raised.

    Results that come at once come in one list. `emit` takes the number of a trial and its record.
    The library's only broad `except`: what goes wrong in a trial is data about that trial.
    """
    due = dict.fromkeys(task.due)
    numbers = [trial.number for trial in task.trials]

    def emit_if_due(index: int, record: Record) -> None:
        checked = check_epoch(record)
        if numbers[index] in due and not task.rank:  # of several processes rank 0 reports
            emit(numbers[index], checked)

    try:
        for index, result in _results(entry, task, emit_if_due):
            line = _result_line(numbers[index], _checked(result))
            del due[numbers[index]]
            yield [line]
        if due:
            raise RuntimeError(f"{len(due)} of {len(numbers)} trials were left without result")
    except (Exception, SystemExit) as error:  # noqa: BLE001
        with suppress(Exception):  # the disk of the log may be full, or stderr closed
            traceback.print_exc()
        if due:
            result = of_several(len(numbers), failure(error))
            yield [_result_line(number, result) for number in due]


def _checked(result: object) -> Result:
    """Return `result`, or an error that says why it is none."""
    try:
        return check_result(result)
    except BadResultError as error:
        return refuse(error)


def _result_line(number: int, result: Result) -> str:
    return strict_json.encode({"trial": number, "result": result.as_json()})


def _results(entry: Entry, task: Task, emit: EmitOf) -> Iterable[tuple[int, Result]]:
    """Yield the index of each trial of `task` that has a result, and that result."""
    module, tasks = sys.modules[entry.__module__], task.split()
    if task.action is Action.PREFLIGHT:
        yield 0, getattr(module, "preflight", _pass_preflight)(task)
    elif task.action is Action.PROBE:
        yield 0, getattr(module, "probe_pack", _choose_one)(tasks)
    elif task.action is Action.MEASURE:
        yield 0, getattr(module, "measure_speed", _measure_nothing)(tasks)
    elif len(tasks) > 1 and hasattr(module, "train_pack"):
        yield from module.train_pack(tasks, emit)
    else:
        for index, part in enumerate(tasks):
            yield index, entry(part, partial(emit, index))


def _pass_preflight(task: Task) -> Result:
    del task
    return Result(Status.PASSED)


def _choose_one(tasks: Sequence[Task]) -> Result:
    del tasks
    return Result(Status.PASSED, measures={"pack": 1})


def _measure_nothing(tasks: Sequence[Task]) -> Result:
    del tasks
    return Result(Status.FAILED, "unmeasured", "the entry's module has no measure_speed")


def of_several(count: int, result: Result) -> Result:
    """Return what an error of a task of `count` trials means for each that has not ended.

    Among several it may be the fault of another one, or of their number.
    """
    if count == 1 or result.reason == DISK_FULL:
        return result
    reason = "crash" if result.reason in FINAL else result.reason
    return replace(result, reason=f"{PACK}{reason}")


def failure(error: BaseException) -> Result:
    """Return the result of a trial that raised `error`."""
    if isinstance(error, BadResultError):
        return refuse(error)
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    text = printable(_text(error))
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if "builtins.MemoryError" in kinds or any(kind.endswith(".OutOfMemoryError") for kind in kinds):
        return Result(Status.ERROR, OOM, message)
    if isinstance(error, OSError) and error.errno in disk_full.NO_SPACE:
        return Result(Status.ERROR, DISK_FULL, message)
    return Result(Status.ERROR, "crash", message)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001
        return "its text cannot be read"


@contextmanager
def capture_output(task: Task) -> Iterator[None]:
    """Append what this process and its children print to the output.log of the first trial.

    The logs of the other trials name that trial. Raises OSError if the log cannot be opened, or if
    the trial has closed what is needed to go on.
    """
    for part in task.split()[1:] if task.action is Action.TRAIN else ():
        where = f"with {task.trial.name}: see ../{task.directory.name}/{LOG}"
        with suppress(OSError), open_log(part.log) as log:
            log.write(f"{_heading(part)}, {where}\n".encode())
    streams, home = (sys.stdout, sys.stderr), Path.cwd()
    with open_log(task.log) as sink:
        sink.write(f"{_heading(task)}\n".encode())
        kept = os.dup(1), os.dup(2)
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    try:
        yield
    finally:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
            os.dup2(kept[number - 1], number)
            os.close(kept[number - 1])
        sys.stdout, sys.stderr = map(_reopened, streams, (1, 2))
        os.chdir(home)


def _reopened(stream: TextIO, descriptor: int) -> TextIO:
    """Return `stream`, or a new one if a trial has closed it."""
    if not stream.closed:
        return stream
    return os.fdopen(descriptor, "w", 1, encoding="utf-8", closefd=False)


def _heading(task: Task) -> str:
    rank = f" rank {task.rank}" if task.rank else ""
    return f"== {task.trial.name} attempt {task.attempts[0]}{rank}, {time.ctime()}"


def _serve(entry: Entry, task: Task, pipe: BinaryIO) -> None:
    def emit(number: int, record: Record) -> None:
        _send(pipe, strict_json.encode({"trial": number, "progress": record}))

    due, last = len(task.due), [""]
    try:
        with capture_output(task):
            for last in perform(entry, task, emit):
                due -= len(last)
                if due:
                    _send(pipe, *last)
    except OSError as error:
        if not due:  # it has closed what the next task needs: this process ends
            _send(pipe, *last)
            raise
        last = _without_log(task, error)
    over = strict_json.encode({"over": task.trial.number})
    _send(pipe, *last, over)  # at once: the runner then has a free worker to count on


def _without_log(task: Task, error: OSError) -> list[str]:
    """Return the lines of results of a task whose log cannot be opened."""
    result = failure(error)
    if result.reason == "crash" and not isinstance(error, FileNotFoundError):
        text = f"{os_errors.place(error, task.log)}: {os_errors.describe(error)}"
        result = replace(result, reason=HOPELESS, message=printable(text))
    result = of_several(len(task.trials), result)
    return [_result_line(number, result) for number in task.due]


def _send(pipe: BinaryIO, *lines: str) -> None:
    pipe.write(b"".join(line.encode() + b"\n" for line in lines))
    pipe.flush()


def _listen(descriptor: int, tasks: SimpleQueue[Record]) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        for line in pipe:
            tasks.put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(errno.EPIPE)


if __name__ == "__main__":
    main()
