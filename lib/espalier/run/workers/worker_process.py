"""One worker process, its two pipes, and the events that come out of them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import strict_json
from espalier.core.process import process_memory
from espalier.core.process.exits import describe_exit, last_line
from espalier.core.trial import Record, Result, Status, Task
from espalier.run.workers import worker, worker_messages
from espalier.run.workers.fork_client import ForkedProcess, ForkServer
from espalier.run.workers.worker import FINAL, OOM
from espalier.run.workers.worker_messages import EpochMessage, Over, Ready, ResultMessage
from espalier.store.attempt import INTERRUPTED

CHUNK = 1 << 16  # bytes, what a pipe holds
LEFT_READS = 64
"""Reads from the pipe of a dead worker: more comes only from what it started and left behind."""
CLEARANCE = 10.0
"""Seconds that a supervisor has to end what is left of a trial."""
ACCEPTANCE = 10.0
"""Seconds that an idle worker has to take in its task."""


@dataclass(frozen=True)
class Progress:
    """The trial `number` in this slot has emitted a record."""

    slot: int
    number: int
    record: Record


@dataclass(frozen=True)
class Finished:
    """The trial `number` has ended; after the last one the slot is idle again, or will be."""

    slot: int
    number: int
    result: Result


Event = Progress | Finished
_LOST = replace(INTERRUPTED, message="the process that workers are forked from was killed")
"""The result of a trial whose worker ended for no reason of its own; it runs again."""


class WorkerProcess:
    """A worker process for one slot of a pool, and the task that it has."""

    def __init__(
        self, entry: str, environ: dict[str, str], log: Path, server: ForkServer | None = None
    ) -> None:
        """Start it with the environment `environ`; what it prints between tasks goes to `log`.

        It is forked by `server`, if there is one.
        """
        task_end, self.tasks = os.pipe()
        self.records, record_end = os.pipe()
        os.set_blocking(self.records, False)
        with log.open("ab") as sink:
            ends = task_end, record_end, sink.fileno()
            start = _spawn if server is None else server.fork
            self.process = start(entry, environ, ends)
        os.close(task_end)
        os.close(record_end)
        os.set_blocking(self.tasks, False)
        self.ready, self._rest = False, bytearray()
        self.closed = False  # whether nothing can come through the pipe any more
        self.fault = ""  # what it did that no worker does
        self.kills = process_memory.kills()
        self.task: Task | None = None
        self.due: list[int] = []  # the numbers of the trials that have not ended
        self._supervisor = -1  # a descriptor of the process that ends what a trial has left
        self._killed = False
        self.spoilt = False  # by a trial that ended in an error, or left something behind

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def submit(self, task: Task) -> None:
        """Send a task. If the process is dead already, that shows later."""
        self.task, self.due = task, task.due
        with suppress(BrokenPipeError):
            self._send(strict_json.encode(task.as_json()).encode() + b"\n")

    def read_lines(self) -> list[bytes] | None:
        """Read once; return the lines that are complete now, None if there is nothing to read."""
        try:
            chunk = os.read(self.records, CHUNK)
        except BlockingIOError:
            return None
        self.closed = not chunk
        *complete, rest = chunk.split(b"\n")
        if complete:
            complete[0] = bytes(self._rest) + complete[0]
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > worker_messages.LONGEST:
            self.break_off("it wrote a record without end")
            self._rest.clear()
        return complete if chunk else None

    def receive(self, slot: int, line: bytes) -> list[Event]:
        """Take in a line; return the events of `slot` that it reports.

        What is no message of a worker ends it, and with it the trials that it had.
        """
        if self.fault:
            return []
        try:
            message = worker_messages.parse(line)
        except worker_messages.NoMessageError as error:
            self.break_off(str(error))
            return []
        match message:
            case Ready(supervisor) if not self.ready:
                self.ready = True
                self._supervisor = _descriptor(supervisor)
            case Over():
                self._end_task(message.first)
            case EpochMessage() if message.number in self.due:
                return [Progress(slot, message.number, message.record)]
            case ResultMessage() if message.number in self.due:
                self.due.remove(message.number)
                self.spoilt = self.spoilt or spoils(message.result)
                return [Finished(slot, message.number, message.result)]
            case _:  # of a trial that has ended here: something of it still runs
                self.spoilt = True
        return []

    def break_off(self, fault: str) -> None:
        """Kill a worker that does what none should do; its trials end as its death ends them."""
        self.fault = self.fault or fault
        self.end(closing=False)

    def _end_task(self, first: int) -> None:
        if self.task is None or self.task.trial.number != first:
            self.spoilt = True
        elif self.due:
            self.break_off(f"it ended its task before {len(self.due)} of its trials")
        else:
            self.task = None

    def _send(self, data: bytes) -> None:
        ready = select.poll()
        ready.register(self.tasks, select.POLLOUT)
        end = time.monotonic() + ACCEPTANCE
        while data:
            with suppress(BlockingIOError):
                data = data[os.write(self.tasks, data) :]
            if data and not ready.poll(1000 * max(0.0, end - time.monotonic())):
                self.break_off("it took in no task")
                return

    def report_death(self, slot: int) -> list[Event]:
        """Return the end of each trial that it still had when it died."""
        if self.task is None:
            return []
        result = death(self.process.wait(), self.task, process_memory.kills() > self.kills)
        if isinstance(self.process, ForkedProcess) and self.process.lost:
            result = _LOST
        if self.fault:
            message = f"worker was ended: {self.fault}: {last_line(self.task.log)}"
            result = replace(result, message=message)
        return [Finished(slot, number, result) for number in self.due]

    def kill(self) -> None:
        """Kill it and whatever it started, without waiting for that."""
        if not self._killed:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self._killed = True

    def end(self, closing: bool = True) -> None:
        """Kill it and whatever it started; close the pipes unless `closing` is off."""
        self.kill()
        self.process.wait()
        self._wait_for_supervisor()
        if closing:
            os.close(self.tasks)
            os.close(self.records)

    def _wait_for_supervisor(self) -> None:
        """Wait until nothing is left of a trial that a worker has not run in itself."""
        if self._supervisor >= 0:
            over = select.poll()
            over.register(self._supervisor, select.POLLIN)
            over.poll(1000 * CLEARANCE)
            os.close(self._supervisor)
            self._supervisor = -1


def _spawn(
    entry: str, environ: dict[str, str], ends: tuple[int, int, int]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start a worker as a process that imports what it needs itself."""
    tasks, records, log = ends
    command = [sys.executable, "-P", "-m", "espalier.run.workers.worker", "--entry", entry]
    return subprocess.Popen(
        [*command, "--tasks", str(tasks), "--records", str(records)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environ,
        pass_fds=(tasks, records),
        start_new_session=True,  # Ctrl-C is the runner's to handle
    )


def _descriptor(process: int) -> int:
    """Return a descriptor that is ready once a process has ended, -1 where there is none."""
    with suppress(OSError, AttributeError):  # it has ended, or the system is not Linux
        return os.pidfd_open(process) if process else -1
    return -1


def death(code: int, task: Task, starved: bool = False) -> Result:
    """Return the result of the trials whose worker died, with the last line of its log.

    If meanwhile the kernel has killed processes for lack of memory (`starved`), this was one.
    """
    how, reason = describe_exit(code), "crash"
    if starved and code == -signal.SIGKILL:
        how, reason = f"{how} for lack of memory", OOM
    message = f"worker {how}: {last_line(task.log)}"
    return worker.of_several(len(task.trials), Result(Status.ERROR, reason, message))


def spoils(result: Result) -> bool:
    """Return whether the worker may be in a state that would harm the next trial.

    After an error it may: a sticky CUDA error, memory still held, threads still running.
    """
    return result.status is Status.ERROR and result.reason not in FINAL
