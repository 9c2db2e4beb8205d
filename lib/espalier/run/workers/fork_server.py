"""A process that imports what trials need, once, and from which worker processes are forked.

A worker then starts in milliseconds and shares the memory of what was imported. The server stays
fit to be forked: it has one thread, opens no device and computes nothing, and it ends without a
word if an import has done otherwise. Its client then starts workers as processes of their own.

    client -> server: {"worker": 3, "entry": "module:function", "environment": {...}} and the
                      descriptors for tasks, records and the log
    server -> client: {"ready": true}, {"worker": 3, "process": 4711}, {"worker": 3, "code": -9},
                      {"worker": 3, "errno": 11} if it cannot be forked

A message is a line of JSON. When the socket closes, the client is gone: the server ends itself and
all its workers. `multiprocessing` has a server of this kind too. This one also has an environment
of its own, ends with its client even if that is killed, and says how each worker has ended.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from espalier.core.process import descriptor_messages
from espalier.core.process.descendants import die_with_parent
from espalier.run.workers import worker

PER_WORKER = 3
"""The descriptors that come with a request: tasks, records, log."""
_PROCESS = Path("/proc/self")
_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri", "/dev/accel")
"""How the files begin that a process has open once it has touched an accelerator."""


class ForkRequest(NamedTuple):
    """A worker to be forked."""

    number: int
    entry: str
    environment: Mapping[str, str | None]  # what differs from the server's
    descriptors: Sequence[int]


def main(arguments: Sequence[str]) -> None:
    """Import modules, then serve the socket of a descriptor; in a worker, do its tasks."""
    descriptor, *modules = arguments
    die_with_parent()
    channel = socket.socket(fileno=int(descriptor))
    if _is_closed(channel):  # before the kernel knew what to do then
        return
    _import(modules)
    if not is_fit():
        return
    with suppress(ConnectionError):  # its client ends as this one begins
        descriptor_messages.send(channel, {"ready": True}, ())
        request = Server(channel).serve()
        if request is not None:
            _work(request, channel)


def _is_closed(channel: socket.socket) -> bool:
    """Return whether the other end of a channel is closed."""
    hung_up = select.poll()
    hung_up.register(channel, 0)
    return bool(hung_up.poll(0))


def _import(modules: Sequence[str]) -> None:
    """Import modules, and keep what they have made out of the way of every worker's collector.

    A collection writes to all that it looks at, which would end the sharing of that memory.
    """
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    gc.freeze()


def is_fit() -> bool:
    """Return whether this process can be forked: it has one thread and no accelerator open."""
    files = (file for file in (_PROCESS / "fd").iterdir() if file.is_symlink())
    opened = [str(file.readlink()) for file in files]
    threads = len(list((_PROCESS / "task").iterdir()))
    return threads == 1 and not any(name.startswith(_DEVICES) for name in opened)


class Server:
    """The loop of the server, and the workers that it has forked."""

    def __init__(self, channel: socket.socket) -> None:
        """Serve `channel`."""
        self._channel, self._poll = channel, select.poll()
        self._poll.register(channel, select.POLLIN)
        self._workers: dict[int, tuple[int, int]] = {}  # by descriptor: number and process

    def serve(self) -> ForkRequest | None:
        """Fork workers until the channel closes; return the request of one in it, else None."""
        try:
            while (request := self._serve_once()) is None:
                pass
        except (EOFError, ConnectionError):  # also while it is told how a worker has ended
            self._end_workers()
            return None
        return request

    def _serve_once(self) -> ForkRequest | None:
        """Wait for something to do, and do it; return the request in a worker that was forked."""
        for descriptor, _ in self._poll.poll():
            if descriptor in self._workers:
                self._report_end(descriptor)
                continue
            for request in _receive(self._channel):
                if self._fork(request):
                    return request
        return None

    def _fork(self, request: ForkRequest) -> bool:
        """Fork a worker; return whether this is it."""
        try:
            process = os.fork()
        except OSError as error:  # too many processes
            self._send(request.number, errno=error.errno)
            process = -1
        if process == 0:
            for descriptor in self._workers:
                os.close(descriptor)
            return True
        for descriptor in request.descriptors:
            os.close(descriptor)
        if process > 0:
            self._watch(request.number, process)
        return False

    def _watch(self, number: int, process: int) -> None:
        watched = os.pidfd_open(process)
        self._workers[watched] = number, process
        self._poll.register(watched, select.POLLIN)

    def _report_end(self, descriptor: int) -> None:
        number, process = self._workers.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self._send(number, code=code)

    def _send(self, number: int, **said: int | None) -> None:
        descriptor_messages.send(self._channel, {"worker": number, **said}, ())

    def _end_workers(self) -> None:
        for _, process in self._workers.values():
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)


def _receive(channel: socket.socket) -> list[ForkRequest]:
    messages, descriptors = descriptor_messages.receive(channel)
    sets = [descriptors[i : i + PER_WORKER] for i in range(0, len(descriptors), PER_WORKER)]
    return [
        ForkRequest(message["worker"], message["entry"], message["environment"], own)
        for message, own in zip(messages, sets, strict=True)
    ]


def _work(request: ForkRequest, channel: socket.socket) -> None:
    """Be a worker to the end of this process, in a session of its own."""
    os.setsid()
    tasks, records, log = request.descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _change_environment(request.environment)
    _reseed()
    gc.enable()
    message: dict[str, Any] = {"worker": request.number, "process": os.getpid()}
    with channel:
        descriptor_messages.send(channel, message, ())
    numbers = ("--tasks", str(tasks), "--records", str(records))
    worker.main(["--entry", request.entry, *numbers])


def _change_environment(changes: Mapping[str, str | None]) -> None:
    for name, text in changes.items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text


def _reseed() -> None:
    """Let numpy's own generator differ from worker to worker, as Python's does by itself."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


if __name__ == "__main__":
    main(sys.argv[1:])
