"""Data inside of a page: JSON that none of its values can leave, compressed where that pays."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

from espalier.core import strict_json

PLAIN, DEFLATED = "json", "deflate"
"""The forms of a block: the text itself, or base64 of its zlib stream (RFC 1950)."""
COMPRESSED_FROM = 20_000
"""Characters from which on a text is compressed: a smaller one can be read in the page's source."""
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class DataBlock:
    """The content of a script element that is not run, and its form."""

    form: str
    text: str


def script_json(value: Any) -> str:
    """Return plain data as JSON in ASCII that HTML reads as text, whatever its strings hold.

    No `<` stands in it, so it neither ends a script element nor begins a comment.
    """
    return strict_json.encode(value).translate(_ESCAPES)


def data_block(value: Any) -> DataBlock:
    """Return plain data as the content of a script element."""
    text = script_json(value)
    if len(text) < COMPRESSED_FROM:
        return DataBlock(PLAIN, text)
    packed = zlib.compress(text.encode("ascii"), 9)
    return DataBlock(DEFLATED, base64.b64encode(packed).decode("ascii"))
