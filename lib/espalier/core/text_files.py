"""Read text as users write it: UTF-8 whatever the locale, and lines that end as elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

_LINE_END = re.compile(r"\r\n|\n|\r")


def read_text(path: Path) -> str:
    r"""Return the text of a UTF-8 file, without its byte order mark, with \n for \r\n and \r.

    Raises OSError, and UnicodeDecodeError for what is not UTF-8.
    """
    return _LINE_END.sub("\n", path.read_bytes().decode("utf-8-sig"))


def split_lines(text: str) -> list[str]:
    r"""Return the lines of `text`; only \n, \r\n and \r end one.

    `str.splitlines` also ends lines at form feeds, U+0085, U+2028 and more, where no editor and no
    other reader of configurations does: a comment could set a symbol.
    """
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines
