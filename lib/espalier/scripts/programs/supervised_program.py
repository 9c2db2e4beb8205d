"""Programs that a supervisor runs for this process: started, waited for, and ended with it."""

from __future__ import annotations

import atexit
import errno
import functools
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.process import descriptor_messages, os_errors
from espalier.core.process.descendants import end_marked

_CHUNK = 1 << 16
_SHOWN = 200  # characters of a name in a message
_SUPERVISOR = "espalier.scripts.programs.supervisor"
_STOP = b'{"stop": true}\n'
FOLDER = "ESPALIER_TRIAL_DIR"
"""The variable by which all that a program has started is known, wherever it is."""


class SupervisorLostError(Exception):
    """The supervisor of a program has been killed."""


class CannotStartError(UserError):
    """A program cannot be started here; the text says why."""


@dataclass(frozen=True)
class Invocation:
    """How a program is run: its arguments, the folder that it works in, and its environment."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


class Supervisor:
    """A process that runs programs one after the other: see the module `supervisor`."""

    def __init__(self) -> None:
        """Start it, in a session of its own: what kills this process leaves it to clear up."""
        self._channel, other = socket.socketpair()
        with other:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", _SUPERVISOR, str(other.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
                start_new_session=True,
            )

    def close(self) -> None:
        """End the program that runs, with all that it has started, and the supervisor."""
        self._channel.close()
        self.process.wait()

    def stop(self, program: RunningProgram) -> None:
        """End a program that runs, with all that it has started."""
        with suppress(OSError, UserError, SupervisorLostError):
            self._channel.sendall(_STOP)
            while not program.ended:
                program.receive()

    def start(self, program: Invocation, output: int) -> RunningProgram:
        """Start a program that prints to the descriptor `output`; it may fail to start later."""
        message = {
            "arguments": list(program.arguments),
            "folder": str(program.folder),
            "environment": dict(program.environment),
        }
        try:
            descriptor_messages.send(self._channel, message, [output, output])
        except OSError as error:
            raise SupervisorLostError from error
        return RunningProgram(self._channel)


class RunningProgram:
    """A program that runs."""

    def __init__(self, channel: socket.socket) -> None:
        """Its exit code comes through `channel`."""
        self._channel, self._reply = channel, bytearray()
        self.ended = False
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)

    def watch(self, descriptor: int) -> None:
        """Let `wait` also return when there is something to read from a descriptor."""
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Let `wait` no longer return for a descriptor."""
        self._poll.unregister(descriptor)

    def wait(self, seconds: float) -> int | None:
        """Return its exit code, None if it still runs after `seconds` or a descriptor is ready.

        Raises CannotStartError, SupervisorLostError.
        """
        ready = [descriptor for descriptor, _ in self._poll.poll(1000 * seconds)]
        if self._channel.fileno() not in ready:
            return None
        return self.receive()

    def receive(self) -> int | None:
        """Wait for what the supervisor says; return the exit code once it is known, as `wait`."""
        chunk = self._channel.recv(_CHUNK)
        if not chunk:
            self.ended = True
            raise SupervisorLostError
        self._reply += chunk
        return self._code() if self._reply.endswith(b"\n") else None

    def _code(self) -> int:
        self.ended, reply = True, json.loads(self._reply)
        if "code" in reply:
            return int(reply["code"])
        raise _why_not_started(int(reply["errno"]), reply["filename"])


def _why_not_started(number: int, text: str) -> Exception:
    """Return the error of a program that did not start, of which `text` is a file or a reason."""
    if not number:
        return CannotStartError(f"CONFIG_SCRIPT: {text}")
    if number == errno.E2BIG:
        rule = "its words and its environment, with all symbols, are too long; shorten a value"
        return CannotStartError(f"CONFIG_SCRIPT: {text[:_SHOWN]}: {rule}")
    if number in (errno.EACCES, errno.ENOEXEC):
        fix = f"name its interpreter first, as in: python {text}, or sh"
        return CannotStartError(f"CONFIG_SCRIPT: {text}: is no program that can be run; {fix}")
    error = OSError(number, os.strerror(number), text)
    if os_errors.is_shortage(error):  # it may start when others have ended
        return error
    return CannotStartError(f"CONFIG_SCRIPT: {text}: {os_errors.describe(error)}")


@functools.cache
def _supervisors() -> list[Supervisor]:
    """Return the supervisor of this process, once there is one."""
    return []


def supervisor() -> Supervisor:
    """Return the supervisor of this process; the first call, and one after its loss, start it."""
    if _supervisors() and _supervisors()[0].process.poll() is not None:
        end_supervisor()
    if not _supervisors():
        _supervisors().append(Supervisor())
        atexit.register(end_supervisor)
    return _supervisors()[0]


def end_supervisor() -> None:
    """End the supervisor of this process, and with it what runs; the next trial gets another."""
    while _supervisors():
        _supervisors().pop().close()


@contextmanager
def running(program: Invocation, output: int) -> Iterator[RunningProgram]:
    """Run a program in a block; what breaks off the block, such as Ctrl-C, ends the program.

    If its supervisor is killed, what it has started is known by FOLDER in its environment.
    """
    process = supervisor()
    run = process.start(program, output)
    try:
        yield run
    except SupervisorLostError:
        end_supervisor()
        if folder := program.environment.get(FOLDER):
            end_marked(FOLDER, folder)
        raise
    except BaseException:
        if not run.ended:
            process.stop(run)
        raise
