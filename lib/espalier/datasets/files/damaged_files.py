"""What reading a file raises that is damaged, or of another format than it is read as."""

from __future__ import annotations

import struct
import zlib

DAMAGE = (
    *(ArithmeticError, EOFError, LookupError, MemoryError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, struct.error, zlib.error),
)
"""Errors of any format; a reader adds those of its own libraries."""


def describe_damage(error: BaseException) -> str:
    """Return what an error says, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()) or type(error).__name__
