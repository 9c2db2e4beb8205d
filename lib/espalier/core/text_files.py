"""Read text as users write it: UTF-8 whatever the locale, and lines that end as elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from espalier.core.errors import UserError

_LINE_END = re.compile(r"\r\n|\n|\r")


def read_text(path: Path) -> str:
    r"""Return the text of a UTF-8 file, without its byte order mark, with \n for \r\n and \r.

    Raises OSError, and UnicodeDecodeError for what is not UTF-8.
    """
    return _LINE_END.sub("\n", path.read_bytes().decode("utf-8-sig"))


def read_user_text(path: Path) -> str:
    """Return what `read_text` does. Raises UserError for a file that cannot be read or decoded."""
    try:
        return read_text(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(not_utf8(path, error)) from None


def not_utf8(path: Path, error: UnicodeDecodeError) -> str:
    """Return the line that says where a file is not UTF-8, and what to do."""
    before = error.object[: error.start]
    lines = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    return (
        f"{path}:{lines + 1}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as"
        " UTF-8, as by `iconv -f latin1 -t utf-8`"
    )


def split_lines(text: str) -> list[str]:
    r"""Return the lines of `text`; only \n, \r\n and \r end one.

    `str.splitlines` also ends lines at form feeds, U+0085, U+2028 and more, where no editor and no
    other reader of configurations does: a comment could set a symbol.
    """
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines
