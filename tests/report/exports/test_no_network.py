from __future__ import annotations

import subprocess
import sys

import pytest

from espalier.report.exports.no_network import SETTINGS, offline_environment

TRY = """
import socket, sys
from espalier.report.exports.no_network import NetworkRefusedError, refuse_network
refuse_network()
try:
    {call}
except NetworkRefusedError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("call", "event"),
    [
        ("socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo"),
        ("socket.socket().connect(('127.0.0.1', 9))", "socket.connect"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))", "socket.sendto"),
        ("socket.gethostbyname('localhost')", "socket.gethostbyname"),
        ("import urllib.request as u; u.urlopen('http://127.0.0.1:9')", "socket.getaddrinfo"),
    ],
)
def test_no_connection_leaves_the_process(call: str, event: str) -> None:
    program = TRY.format(call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert f"an export reaches no network ({event})" in said


def test_what_the_user_has_set_sends_nothing_elsewhere() -> None:
    given = {
        "PATH": "/bin",
        "MLFLOW_TRACKING_URI": "sqlite:///x",
        "WANDB_MODE": "online",
        "TRACKIO_SPACE_ID": "me/mine",
        "HF_TOKEN": "t",
    }
    assert offline_environment(given) == {"PATH": "/bin", **SETTINGS}
    assert SETTINGS["WANDB_MODE"] == "offline"
