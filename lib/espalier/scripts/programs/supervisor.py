"""The process that starts the programs of a worker, and lets nothing of them outlive it.

It is a process of its own because the worker may be killed at any moment: by its runner, whose
trial is late, by a user or by the kernel. Then the socket to it closes, and this process, which is
the parent of every orphan among what it has started, kills all of that and ends. It does the same
with what a program has left running when it ends.

    worker -> supervisor: {"arguments": [...], "folder": "...", "environment": {...}} and the
                          descriptors for standard output and error
    supervisor -> worker: {"code": -9} or {"errno": 2, "filename": "train.py"}

A message is a line of JSON. While a program runs the worker may send {"stop": true}.

A signal that asks a process to end, as a batch system sends it to every process of a job, ends
programs and workers as they like, and this process not before them.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from espalier.core.process import descriptor_messages
from espalier.core.process.descendants import adopt_orphans, die_with_parent, end_children
from espalier.core.process.stop_signals import STOPPING

_CHUNK = 1 << 16
STOP = "stop"
_WAKING = (signal.SIGCHLD, *STOPPING)
"""Signals with a handler that does nothing: unlike one that is ignored, no program inherits it."""


def main(arguments: Sequence[str]) -> None:
    """Serve the socket of this descriptor until it closes."""
    channel = socket.socket(fileno=int(arguments[0]))
    adopt_orphans()
    wakeup, signalled = os.pipe()
    os.set_blocking(signalled, False)
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    for number in _WAKING:
        signal.signal(number, lambda *_: None)
    with suppress(EOFError, ConnectionError):
        while True:
            requests, streams = descriptor_messages.receive(channel)
            request = requests[-1]  # one before it is to stop a program that has ended meanwhile
            if STOP not in request:  # of a program that has just ended by itself
                reply = _perform(request, streams, channel, wakeup)
                channel.sendall(json.dumps(reply).encode() + b"\n")
    end_children()


def _perform(
    request: dict[str, Any], streams: list[int], channel: socket.socket, wakeup: int
) -> dict[str, Any]:
    """Run a program to its end, and end what it leaves. Raises EOFError if the worker is gone."""
    try:
        process = subprocess.Popen(
            request["arguments"],
            cwd=request["folder"],
            env=request["environment"],
            stdin=subprocess.DEVNULL,
            stdout=streams[0],
            stderr=streams[1],
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    except (OSError, ValueError) as error:
        return _describe(error)
    finally:
        for stream in streams:
            os.close(stream)
    code = _wait(process.pid, channel, wakeup)
    process.returncode = code  # it has been waited for
    end_children()
    return {"code": code}


def _describe(error: OSError | ValueError) -> dict[str, Any]:
    """Return why a program did not start."""
    if isinstance(error, OSError):
        return {"errno": error.errno, "filename": os.fspath(error.filename or "")}
    return {"errno": 0, "filename": str(error)}


def _wait(process: int, channel: socket.socket, wakeup: int) -> int:
    """Return how a child has ended, at once when it has. Raises EOFError if the worker is gone."""
    while (code := _reap(process)) is None:
        ready, _, _ = select.select([channel.fileno(), wakeup], [], [])
        if wakeup in ready:
            with suppress(BlockingIOError):
                os.read(wakeup, _CHUNK)
        if channel.fileno() in ready:
            descriptor_messages.receive(channel)
            end_children()
            return -signal.SIGKILL
    return code


def _reap(process: int) -> int | None:
    """Clear away the children that have ended; return the code of `process` if it is one."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == process:
                code = os.waitstatus_to_exitcode(ended[1])
    return code


if __name__ == "__main__":
    main(sys.argv[1:])
