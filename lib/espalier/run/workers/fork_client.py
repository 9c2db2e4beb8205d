"""The runner's side of a fork server, and the worker processes that come of it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from signal import SIGKILL

from espalier.core.process import descriptor_messages
from espalier.run.devices import CPU
from espalier.run.workers.worker_environment import READ_EARLY, environment

_CHUNK = 1 << 16
_SERVER = "espalier.run.workers.fork_server"


class ForkServer:
    """A process that imports a module and forks workers; see the module `fork_server`."""

    def __init__(self, module: str) -> None:
        """Start it. It imports `module` while this process goes on."""
        self.module = module
        self._channel, other = socket.socketpair()
        self._environment = environment(CPU)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _SERVER, str(other.fileno()), module],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                pass_fds=(other.fileno(),),
                start_new_session=True,
            )
        self._rest = bytearray()
        self._ready, self._lost = False, False
        self._workers: dict[int, ForkedProcess] = {}  # those that live, by number
        self._forked = 0

    @property
    def lives(self) -> bool:
        """Whether it can still fork."""
        self.listen(0)
        return not self._lost

    def suits(self, module: str) -> bool:
        """Return whether it lives, has that module, and was started as it would be now."""
        now = environment(CPU)
        alike = all(self._environment.get(name) == now.get(name) for name in READ_EARLY)
        return self.module == module and alike and self.lives

    def fork(
        self, entry: str, environ: Mapping[str, str], descriptors: tuple[int, int, int]
    ) -> ForkedProcess:
        """Start a worker with descriptors for tasks, records and what it prints.

        If the server is lost it counts as killed.
        """
        self._forked += 1
        process = self._workers[self._forked] = ForkedProcess(self)
        message = {"worker": self._forked, "entry": entry, "environment": self._changes(environ)}
        try:
            descriptor_messages.send(self._channel, message, descriptors)
        except OSError:
            self._lose()
        return process

    def listen(self, seconds: float) -> None:
        """Take in what the server says, for which it has so many seconds.

        Raises OSError if a process could not be forked: there are too many, or too little memory.
        """
        if self._lost or not _is_readable(self._channel, seconds):
            return
        with suppress(ConnectionError):
            if chunk := self._channel.recv(_CHUNK):
                *lines, rest = (bytes(self._rest) + chunk).split(b"\n")
                self._rest[:] = rest
                messages = [json.loads(line) for line in lines]
                for message in messages:
                    self._take_in(message)
                _check_forked(messages)
                return
        self._lose()

    def close(self) -> None:
        """End it, and its workers with it."""
        self._lose()
        self._channel.close()

    def close_unready(self) -> None:
        """End it if it still imports, so that nothing waits for that."""
        self.listen(0)
        if not self._ready:
            self._lose()

    def _changes(self, environ: Mapping[str, str]) -> dict[str, str | None]:
        """Return what differs in a worker's environment: values to set, None to take one away."""
        mine, names = self._environment, self._environment.keys() | environ.keys()
        return {name: environ.get(name) for name in names if mine.get(name) != environ.get(name)}

    def _take_in(self, message: Mapping[str, int]) -> None:
        if "worker" not in message:
            self._ready = True
        elif "process" in message:
            self._workers[message["worker"]].started = message["process"]
        else:
            self._workers.pop(message["worker"]).returncode = message.get("code", -SIGKILL)

    def _lose(self) -> None:
        """End it. Its workers end with it, and are no longer heard of."""
        self._lost = True
        self._process.kill()
        self._process.wait()
        for process in self._workers.values():
            process.lost, process.returncode = True, -SIGKILL
        self._workers.clear()


class ForkedProcess:
    """A worker process that was forked by a server, used as one of `subprocess` is."""

    def __init__(self, server: ForkServer) -> None:
        """The server has been asked for it."""
        self._server = server
        self.started = 0  # its id, once it has begun
        self.returncode: int | None = None
        self.lost = False  # whether it ended with its server

    @property
    def pid(self) -> int:
        """Its id; waits for that. Raises ProcessLookupError if it has never begun."""
        while not self.started and self.poll() is None:
            self._server.listen(1)
        if not self.started:
            raise ProcessLookupError
        return self.started

    def poll(self) -> int | None:
        """Return how it has ended, None if it has not."""
        if self.returncode is None:
            self._server.listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ends. Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + (timeout or 0)
        while self.poll() is None:
            left = 1 if timeout is None else end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(_SERVER, timeout or 0)
            self._server.listen(left)
        return self.returncode or 0


def _check_forked(messages: Sequence[Mapping[str, int]]) -> None:
    """Raise OSError if one of the messages says that a process could not be forked."""
    for number in (message["errno"] for message in messages if "errno" in message):
        raise OSError(number, os.strerror(number))


def _is_readable(channel: socket.socket, seconds: float) -> bool:
    poll = select.poll()  # unlike `select`, for any number of descriptors
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(1000 * seconds))
