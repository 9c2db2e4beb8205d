"""Messages between processes over a socket: a line of JSON each, with descriptors beside it."""

from __future__ import annotations

import array
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

_CHUNK = 1 << 16
_MOST_DESCRIPTORS = 3
_ITEM = array.array("i").itemsize


def send(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Send a message, and descriptors that its reader then has too. Raises OSError."""
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(channel, [data], descriptors)
    channel.sendall(data[sent:])


def receive(channel: socket.socket) -> tuple[list[dict[str, Any]], list[int]]:
    """Wait for a message; return those that have come, and their descriptors in the same order.

    Raises EOFError once the other end is closed.
    """
    data, descriptors = bytearray(), array.array("i")
    while not data.endswith(b"\n"):
        space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * _ITEM)
        chunk, extra, *_ = channel.recvmsg(_CHUNK, space)
        if not chunk:
            raise EOFError
        data += chunk
        for _, _, content in extra:
            descriptors.frombytes(content[: len(content) // _ITEM * _ITEM])
    return [json.loads(line) for line in data.splitlines()], list(descriptors)
