"""Executors: where trials run. Worker processes, or this process for debugging.

An executor has numbered slots. A slot is idle, or has one task; `wait` tells what happened. A
worker that dies is data about its trial and is replaced by a fresh one, and so is one whose trial
ended in an error; a worker that cannot even start is a fault of the set-up and stops the sweep.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from espalier.errors import UserError
from espalier.sweep import wire, worker
from espalier.sweep.devices import CPU
from espalier.sweep.worker import HOPELESS, Task
from espalier.trial import Record, Result, Status

CHUNK = 1 << 16  # bytes, what a pipe holds
LAST_WORDS = 1.0  # seconds a dying worker has to print its traceback


@dataclass(frozen=True)
class Progress:
    """The trial in this slot has emitted a record."""

    slot: int
    record: Record


@dataclass(frozen=True)
class Finished:
    """The trial in this slot has ended; the slot is idle again, or will be."""

    slot: int
    result: Result


Event = Progress | Finished


class Executor(Protocol):
    """Where tasks run."""

    devices: Sequence[str]
    """What each slot computes on: `cpu`, or a value of CUDA_VISIBLE_DEVICES."""

    def idle(self) -> list[int]:
        """The slots that can take a task now."""
        ...

    def process(self, slot: int) -> int:
        """The id of the process that serves a slot."""
        ...

    def submit(self, slot: int, task: Task) -> None:
        """Start a task in an idle slot."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """What has happened; returns after `seconds` at the latest if nothing has.

        Raises UserError if workers cannot start.
        """
        ...

    def kill(self, slot: int) -> None:
        """End the task of a slot without an event, and make the slot fit for another."""
        ...

    def close(self) -> None:
        """End everything at once."""
        ...


class Pool:
    """Persistent worker processes, one a slot, driven from a single thread."""

    def __init__(self, entry: str, devices: Sequence[str], log: Path) -> None:
        """Start a worker for each of `devices`; what they print between trials goes to `log`."""
        self._entry, self._log, self.devices = entry, log, devices
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, _Worker] = {}
        for slot in range(len(devices)):
            self._start(slot)

    def idle(self) -> list[int]:
        """The slots whose worker is warm and has no task."""
        return [slot for slot, one in self._workers.items() if one.ready and one.task is None]

    def process(self, slot: int) -> int:
        """The worker's process id."""
        return self._workers[slot].child.pid

    def submit(self, slot: int, task: Task) -> None:
        """Hand a task to an idle worker. A worker found dead is reported by the next `wait`."""
        one = self._workers[slot]
        one.task = task
        with suppress(BrokenPipeError):
            _write_all(one.jobs, wire.encode(task.as_json()).encode() + b"\n")

    def wait(self, seconds: float) -> list[Event]:
        """Collect records and results, and replace workers that died or may be spoilt."""
        events: list[Event] = []
        for key, _ in self._selector.select(seconds):
            events += self._read(key.data)
        for slot in [slot for slot, one in self._workers.items() if one.child.poll() is not None]:
            events += self._bury(slot)
        return events

    def kill(self, slot: int) -> None:
        """Kill a worker and its children; a fresh one takes the slot."""
        self._stop(slot)
        self._start(slot)

    def close(self) -> None:
        """Kill every worker."""
        for slot in list(self._workers):
            self._stop(slot)
        self._selector.close()

    def _start(self, slot: int) -> None:
        self._workers[slot] = one = _Worker(self._entry, self.devices[slot], self._log)
        self._selector.register(one.records, selectors.EVENT_READ, slot)

    def _stop(self, slot: int) -> None:
        one = self._workers.pop(slot)
        self._selector.unregister(one.records)
        one.end()

    def _read(self, slot: int) -> list[Event]:
        one = self._workers[slot]
        chunk = os.read(one.records, CHUNK)
        if not chunk:  # its end of the pipe is closed: it is dying, or as good as dead
            with suppress(subprocess.TimeoutExpired):
                one.child.wait(LAST_WORDS)
            one.end(closing=False)
            return []
        events = [event for line in one.lines(chunk) for event in one.heard(slot, line)]
        if any(_spoils(event) for event in events):
            self.kill(slot)
        return events

    def _bury(self, slot: int) -> list[Event]:
        one = self._workers[slot]
        events: list[Event] = []
        while chunk := _read_rest(one.records):
            events += [event for line in one.lines(chunk) for event in one.heard(slot, line)]
        if not one.ready:
            last = last_line(self._log)
            raise UserError(f"{self._log}: a worker could not start: {last}; mend that and rerun")
        if one.task is not None:
            events.append(Finished(slot, death(one.child.returncode, one.task.directory)))
        self.kill(slot)
        return events


class _Worker:
    """One worker process and its two pipes."""

    def __init__(self, entry: str, device: str, log: Path) -> None:
        job_end, self.jobs = os.pipe()
        self.records, record_end = os.pipe()
        os.set_blocking(self.records, False)
        command = [sys.executable, "-P", "-m", "espalier.sweep.worker", "--entry", entry]
        with log.open("ab") as sink:
            self.child = subprocess.Popen(
                [*command, "--jobs", str(job_end), "--records", str(record_end)],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=environment(device),
                pass_fds=(job_end, record_end),
                start_new_session=True,  # Ctrl-C is the runner's to handle
            )
        os.close(job_end)
        os.close(record_end)
        self.ready, self._rest = False, b""
        self.task: Task | None = None

    def lines(self, chunk: bytes) -> list[bytes]:
        *complete, self._rest = (self._rest + chunk).split(b"\n")
        return complete

    def heard(self, slot: int, line: bytes) -> list[Event]:
        record = json.loads(line)
        if "ready" in record:
            self.ready = True
            return []
        if "progress" in record:
            return [Progress(slot, record["progress"])]
        self.task = None
        return [Finished(slot, Result.from_json(record["result"]))]

    def end(self, closing: bool = True) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        if closing:
            os.close(self.jobs)
            os.close(self.records)


class InProcess:
    """One slot that runs tasks in this process: for debuggers; no time limit, no isolation."""

    def __init__(self, entry: str) -> None:
        """Load the entry here."""
        self.devices: Sequence[str] = ("this process",)
        self._entry = worker.load(entry)
        self._task: Task | None = None

    def idle(self) -> list[int]:
        """Slot 0, unless it has a task."""
        return [] if self._task else [0]

    def process(self, slot: int) -> int:
        """This process."""
        del slot
        return os.getpid()

    def submit(self, slot: int, task: Task) -> None:
        """Keep the task; it runs in `wait`."""
        del slot
        self._task = task

    def wait(self, seconds: float) -> list[Event]:
        """Run the task to its end, if there is one; output goes where this process's goes."""
        del seconds
        if self._task is None:
            return []
        events: list[Event] = []
        line = worker.attempt(
            self._entry, self._task, lambda record: events.append(Progress(0, record))
        )
        self._task = None
        return [*events, Finished(0, Result.from_json(json.loads(line)["result"]))]

    def kill(self, slot: int) -> None:
        """Nothing runs between two calls of `wait`."""
        del slot

    def close(self) -> None:
        """Nothing to end."""


def environment(device: str) -> dict[str, str]:
    """What a worker sees: one compute thread unless the trial asks for more, one device."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    visible = {"CUDA_VISIBLE_DEVICES": "" if device == CPU else device}
    return {**os.environ, **threads, **visible}


def death(code: int, directory: Path) -> Result:
    """The result of a trial whose worker died, with the last words of its log."""
    how = f"exited with code {code}"
    if code < 0:
        how = f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return Result(Status.ERROR, "crash", f"worker {how}: {last_line(directory / worker.LOG)}")


def _spoils(event: Event) -> bool:
    """Whether the worker may have been left in a state that the next trial would meet.

    After an error nobody knows: a sticky CUDA error, memory still held, threads still running.
    """
    if isinstance(event, Progress):
        return False
    return event.result.status is Status.ERROR and event.result.reason != HOPELESS


def last_line(log: Path, limit: int = 300) -> str:
    """The last line of a log that is not blank, at most `limit` characters of it."""
    if not log.is_file():
        return f"{log.name} is missing"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - CHUNK))
        lines = [line for line in file.read().decode(errors="replace").split("\n") if line.strip()]
    return lines[-1].strip()[:limit] if lines else f"{log.name} is empty"


def _read_rest(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return b""


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
