"""Joining a cluster of Ray, or starting one of this machine alone that is closed to others."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from espalier.core.errors import UserError
from espalier.core.process.terminal import printable
from espalier.core.texts.program_name import how_to_install
from espalier.run.ray.cluster_slots import ClusterNode
from espalier.run.ray.vanishing_folder import vanishing

MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
_ADDRESS = re.compile(r"auto|(\[[0-9A-Fa-f:]+\]|[\w.-]+):\d{1,5}")
LONGEST_FOLDER, _SHORT_FOLDER = 24, "/tmp"
"""Characters of a folder for temporary files below which the paths of Ray's sockets are allowed."""
REACH = 5.0
"""Seconds in which the head of a cluster must answer."""
_FRAME, _SETTINGS = 9, b"\x04"
"""Bytes of the head of a frame of HTTP/2, and its fourth one in a frame of settings."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS + b"\0" * 5
"""What a client of HTTP/2 begins with; a server answers with its settings (RFC 9113, 3.4)."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "1",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # of what nodes print that are lost
}
"""Ray sends no statistics, and prints nothing of its own."""
_NO_TOKEN = "InvalidAuthToken"
_SAID = 1 << 16  # bytes that are read of what Ray prints
_HELD = (signal.SIGTERM,)
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Lets every process of a cluster of one machine listen on the loopback interface alone."""


def check_address(address: str) -> None:
    """Raise UserError unless Ray is installed and the address is of a form that can be joined."""
    if importlib.util.find_spec("ray") is None:
        raise UserError(f"EXECUTOR=ray: ray is not installed; {how_to_install('ray')} installs it")
    if address and not _ADDRESS.fullmatch(address):
        rule = "must be auto, or the host:port of a cluster that this machine is a node of"
        raise UserError(f"RAY_ADDRESS={printable(address)}: {rule}")


@contextmanager
def joined(address: str, cores: int, runtime_env: Mapping[str, Any]) -> Iterator[None]:
    """Be a driver of the cluster at `address`; without one start one here with so many `cores`.

    Raises UserError.
    """
    if address:
        _check_reachable(address)
        with _variables(_QUIET), _connected(address, runtime_env):
            yield
        return
    short = len(tempfile.gettempdir()) <= LONGEST_FOLDER
    closed = {**_QUIET, **_LOOPBACK, MODE: "token", TOKEN: _own_token()}
    with _variables(closed), vanishing(None if short else _SHORT_FOLDER) as folder:
        own = {"num_cpus": cores, "include_dashboard": False, "_temp_dir": str(folder)}
        with _connected("", runtime_env, **own):
            yield


@functools.cache
def _own_token() -> str:
    """Return the token of this process's own clusters: Ray reads it once in a process."""
    return secrets.token_hex(32)


def _check_reachable(address: str) -> None:
    """Raise UserError if no cluster can be at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), REACH) as connection:
            speaks = _speaks_grpc(connection)
    except (OSError, OverflowError) as error:
        rule = f"no cluster answers there: {error}; `ray start --head --port=6379` starts one"
        raise UserError(f"RAY_ADDRESS={address}: {rule}") from error
    if not speaks:
        rule = "what answers there is no head of a cluster; its port is that of `ray start --head`"
        raise UserError(f"RAY_ADDRESS={address}: {rule}")


def _speaks_grpc(connection: socket.socket) -> bool:
    """Return whether the other end begins as a server of gRPC does, as Ray's head is one.

    One that speaks TLS is taken for one.
    """
    if os.environ.get("RAY_USE_TLS", "0") != "0":
        return True
    connection.sendall(_GREETING)
    return connection.recv(_FRAME, socket.MSG_WAITALL)[3:4] == _SETTINGS


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment in this block, for Ray and all that it starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, text in before.items():
            os.environ.pop(name, None)
            os.environ |= {} if text is None else {name: text}


@contextmanager
def _connected(address: str, runtime_env: Mapping[str, Any], **own: Any) -> Iterator[None]:
    import ray  # reads its variables as it is imported

    quiet: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    with own_signals(), _unheard() as said:
        try:
            ray.init(address or "local", runtime_env=dict(runtime_env), **own, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise UserError(_refusal(address, error, said())) from error
    try:
        yield
    finally:
        with own_signals():
            ray.shutdown()


@contextmanager
def own_signals() -> Iterator[None]:
    """Keep Ray's handlers of SIGTERM from taking the place of ours.

    They would end this process in the middle of what it starts: until they are gone a SIGTERM
    waits. Outside the main thread Ray has none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = signal.getsignal(signal.SIGTERM)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, kept)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _release() -> None:
    """Let the processes that Ray starts be ended as usual: they begin with what we hold back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


os.register_at_fork(after_in_child=_release)


@contextmanager
def _unheard() -> Iterator[Callable[[], str]]:
    """Yield what returns the errors printed in this block: Ray's core prints one at every try."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: os.pread(file.fileno(), _SAID, 0).decode("utf-8", errors="replace")
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _refusal(address: str, error: Exception, said: str) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    what = printable(lines[0] if lines else type(error).__name__)
    if not address:
        return f"EXECUTOR=ray: Ray could not start here: {what}"
    if _NO_TOKEN in said + str(error):
        what = f"it asks for a token: set {MODE}=token, and {TOKEN} or ~/.ray/auth_token as there"
    return f"RAY_ADDRESS={address}: no cluster could be joined: {what}"


def nodes() -> list[ClusterNode]:
    """Return the nodes of the cluster that are alive."""
    import ray

    return [
        ClusterNode(node["NodeID"], node["NodeManagerAddress"], node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]


def describe(address: str) -> str:
    """Return a line on which cluster it is, and on what of it is open to whom."""
    if not address:
        return "Ray: a cluster of this machine alone; its ports are on 127.0.0.1, behind a token"
    import ray

    open_to = "who reaches its ports can run programs there: it takes no token"
    if os.environ.get(MODE) == "token":
        open_to = "its ports are behind a token"
    return f"Ray: the cluster at {ray.get_runtime_context().gcs_address}; {open_to}"
