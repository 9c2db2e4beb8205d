"""What is refused before a cluster is joined, and what joining leaves in the environment."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest

from espalier.core.errors import UserError
from espalier.run.ray import cluster


@pytest.fixture
def ray_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize("address", ["", "auto", "10.0.0.5:6379", "head-1.local:80", "[::1]:6379"])
@pytest.mark.usefixtures("ray_is_there")
def test_addresses_of_clusters(address: str) -> None:
    cluster.check_address(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.5", "ray://a:1", "http://a:8265", "a:b", "a:1\n", "local", ":6379", "Auto"]
)
@pytest.mark.usefixtures("ray_is_there")
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="must be auto, or the host:port") as refusal:
        cluster.check_address(address)
    assert "\n" not in str(refusal.value)


def test_without_ray_a_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"ray is not installed; make setup-ray installs it"):
        cluster.check_address("")


def test_where_nothing_listens_no_cluster_is_joined() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        pytest.raises(UserError, match=f"RAY_ADDRESS=127.0.0.1:{port}: no cluster answers there"),
        cluster.joined(f"127.0.0.1:{port}", 1, {}),
    ):
        pass


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b""])
def test_what_listens_there_must_be_able_to_be_a_cluster(answer: bytes) -> None:
    with (
        _answering(answer) as port,
        pytest.raises(UserError, match=f":{port}: what answers there is no head of a cluster"),
        cluster.joined(f"127.0.0.1:{port}", 1, {}),
    ):
        pass


def test_what_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "REACH", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(UserError, match="no cluster answers there: timed out"),
        cluster.joined(f"127.0.0.1:{server.getsockname()[1]}", 1, {}),
    ):
        pass


def test_a_server_of_grpc_may_be_a_cluster_and_one_of_tls_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "_connected", lambda *given: nullcontext())
    for answer, tls in ((b"\0\0\x06\x04\0\0\0\0\0\0\5\0\0\0\0", "0"), (b"", "1")):
        monkeypatch.setenv("RAY_USE_TLS", tls)
        with _answering(answer) as port, cluster.joined(f"127.0.0.1:{port}", 1, {}):
            pass


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """Yield a port whose first client gets an answer."""

    def serve() -> None:
        client, _ = server.accept()
        with client, suppress(ConnectionError):
            client.recv(99)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve)
        serving.start()
        yield server.getsockname()[1]
        serving.join()


def test_a_port_beyond_all_is_refused_too() -> None:
    with pytest.raises(UserError, match="no cluster"), cluster.joined("127.0.0.1:99999", 1, {}):
        pass


def test_a_cluster_of_ones_own_has_a_token_and_leaves_no_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, Any] = {}

    class Connected:
        def __init__(self, address: str, runtime_env: Any, **own: Any) -> None:
            seen.update(own, address=address, **{n: os.environ.get(n) for n in NAMES})

        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(cluster, "_connected", Connected)
    monkeypatch.setenv(cluster.MODE, "disabled")
    monkeypatch.delenv(cluster.TOKEN, raising=False)
    before = dict(os.environ)
    with cluster.joined("", 3, {}):
        pass
    assert dict(os.environ) == before
    assert seen["address"] == "" and seen["num_cpus"] == 3 and seen["include_dashboard"] is False
    assert seen[cluster.MODE] == "token" and len(seen[cluster.TOKEN]) == 64
    assert seen["RAY_USAGE_STATS_ENABLED"] == "0"
    assert len(seen["_temp_dir"]) < 45  # or the paths of sockets are too long


NAMES = (cluster.MODE, cluster.TOKEN, "RAY_USAGE_STATS_ENABLED")


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no masks of signals here")
def test_a_sigterm_waits_until_the_handler_is_ours_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(signal, "SIGTERM", signal.SIGUSR1)
    monkeypatch.setattr(cluster, "_HELD", (signal.SIGUSR1,))
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    try:
        with cluster.own_signals():
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # as Ray does
            signal.raise_signal(signal.SIGUSR1)
            mask = "import signal; print(signal.SIGUSR1 in signal.pthread_sigmask(0, ()))"
            child = subprocess.run(
                [sys.executable, "-c", mask], preexec_fn=int, capture_output=True, check=True
            )
        assert heard == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert child.stdout == b"False\n"  # what Ray starts holds none back


def test_a_cluster_that_asks_for_a_token_is_told_from_others(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Ray(types.ModuleType):
        noise = ""

        def init(self, address: str, **given: object) -> None:
            os.write(2, self.noise.encode())
            raise ConnectionError("Failed to connect\nto it")

    ray = Ray("ray")
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(UserError, match="could be joined: Failed to connect$"):
        _join_auto()
    ray.noise = "gcs_client.cc:210: RPC error: InvalidAuthToken: missing\n" * 20
    with pytest.raises(UserError, match="it asks for a token: set RAY_AUTH_MODE=token, and RAY_A"):
        _join_auto()
    assert capfd.readouterr().err == ""
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"


def _join_auto() -> None:
    with cluster.joined("auto", 1, {}):
        pass
