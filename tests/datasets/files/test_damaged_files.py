"""What is said of a file that cannot be read."""

from __future__ import annotations

import struct
import zlib

import pytest

from espalier.datasets.files.damaged_files import DAMAGE, describe_damage


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(2, "No such file", "/a"), "No such file"),
        (ValueError("two\n lines"), "two lines"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_an_error_is_one_line(error: Exception, text: str) -> None:
    assert describe_damage(error) == text


def test_what_bytes_of_any_kind_raise_is_damage_and_a_stop_is_not() -> None:
    for read in (lambda: zlib.decompress(b"x"), lambda: struct.unpack("I", b"x")):
        with pytest.raises(DAMAGE):
            read()
    assert not issubclass(KeyboardInterrupt, DAMAGE)
    assert not issubclass(AssertionError, DAMAGE)  # a mistake of ours
