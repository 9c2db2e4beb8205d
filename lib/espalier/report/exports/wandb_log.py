"""The frame of a log of Weights & Biases: that of LevelDB's logs, behind a header of its own.

A log is blocks of 32 KiB. A record lies in one piece, or in several where it passes the end of a
block; each piece has a checksum, its length and its kind before it. The rest of a block that is too
short for that is zeros.

Source: the log format of LevelDB (doc/log_format.md); `:W&B`, 0xBEE1 and version 0 begin the file.
Differs: the checksum is the CRC-32 of zlib over kind and piece, not masked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

BLOCK = 32768
START = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
HEAD = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def frame(records: Iterable[bytes]) -> bytes:
    """Return the content of a log that holds these records."""
    log = bytearray(START)
    for record in records:
        _append(log, record)
    return bytes(log)


def _append(log: bytearray, record: bytes) -> None:
    rest, begun = memoryview(record), False
    while True:
        room = BLOCK - len(log) % BLOCK
        if room < HEAD.size:
            log += bytes(room)
            continue
        piece, rest = rest[: room - HEAD.size], rest[room - HEAD.size :]
        kind = _kind(begun, ended=not rest)
        log += HEAD.pack(zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
        begun = True
        if not rest:
            return


def _kind(begun: bool, ended: bool) -> int:
    if begun:
        return LAST if ended else MIDDLE
    return FULL if ended else FIRST
