"""Errors of a search in the words of the Python interface, a line each."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from espalier.core.errors import UserError

SETTING = re.compile(r"\b(set|lower|raise) CONFIG_([A-Z0-9_]+)(?:=(\w+))?")
"""An advice of the command line, which a program cannot take as it is written."""
FILES = "put the files there"


def translate(text: str) -> str:
    """Return an error's text with the settings as arguments of the searcher."""
    advice = SETTING.sub(_argument, text)
    return advice.replace(FILES, f"{FILES}, or name their folder with data_dir=")


def _argument(advice: re.Match[str]) -> str:
    verb, name, value = advice.groups()
    if value is None:
        return f"{verb} settings={{'{name}': ...}}"
    return f"give settings={{'{name}': '{value}'}}"


@contextmanager
def translated() -> Iterator[None]:
    """Raise the errors of the command line in the words of a program."""
    try:
        yield
    except UserError as error:
        raise UserError(translate(str(error))) from None


def report_in_one_line() -> None:
    """Let a program end with `error: ...` and no traceback where it meets a UserError."""
    previous = sys.excepthook

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, UserError):
            previous(kind, error, trace)
            return
        for line in error.lines:
            print(f"error: {line}", file=sys.stderr)

    sys.excepthook = report
