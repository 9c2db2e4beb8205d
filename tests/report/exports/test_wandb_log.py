from __future__ import annotations

import struct
import zlib

from espalier.report.exports.wandb_log import BLOCK, frame


def pieces(log: bytes) -> list[tuple[int, int]]:
    """The kind and length of each piece; checks checksums and that no piece crosses a block."""
    place, seen = 7, []
    while place < len(log):
        room = BLOCK - place % BLOCK
        if room < 7:
            assert log[place : place + room] == bytes(room)
            place += room
            continue
        checksum, length, kind = struct.unpack("<IHB", log[place : place + 7])
        piece = log[place + 7 : place + 7 + length]
        assert checksum == zlib.crc32(bytes([kind]) + piece)
        assert 7 + length <= room
        seen.append((kind, length))
        place += 7 + length
    return seen


def test_a_log_begins_with_its_header_and_has_a_piece_a_record() -> None:
    log = frame([b"one", b""])
    assert log[:7] == bytes.fromhex("3a572642e1be00")
    assert log[7:14] == struct.pack("<IHB", zlib.crc32(b"\x01one"), 3, 1)
    assert log[14:17] == b"one"
    assert pieces(log) == [(1, 3), (1, 0)]


def test_a_long_record_lies_in_pieces() -> None:
    assert pieces(frame([bytes(2 * BLOCK)])) == [(2, BLOCK - 14), (3, BLOCK - 7), (4, 21)]
    assert pieces(frame([bytes(BLOCK)])) == [(2, BLOCK - 14), (4, 14)]


def test_the_end_of_a_block_that_holds_no_head_is_zeros() -> None:
    for left in range(7):
        first = BLOCK - 7 - 7 - left
        log = frame([bytes(first), b"next"])
        assert len(log) == BLOCK + 7 + 4
        assert pieces(log) == [(1, first), (1, 4)]


def test_an_empty_piece_ends_a_block() -> None:
    assert pieces(frame([bytes(BLOCK - 21), b"next"])) == [(1, BLOCK - 21), (2, 0), (4, 4)]
