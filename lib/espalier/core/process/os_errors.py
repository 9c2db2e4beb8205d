"""What an error of the system means, and what helps against it."""

from __future__ import annotations

import errno

_ADVICE = {
    errno.EMFILE: "lower PARALLEL, or raise `ulimit -n`",
    errno.ENFILE: "lower PARALLEL, or close other programs",
    errno.EAGAIN: "lower PARALLEL, or raise `ulimit -u`",
    errno.ENOMEM: "lower PARALLEL, or close other programs",
}
"""By number, the errors of a process that wants more than it may have."""


def describe(error: OSError) -> str:
    """Return the text of an error in one line, with advice where there is some."""
    text = " ".join((error.strerror or str(error)).split())
    advice = _ADVICE.get(error.errno or 0)
    return f"{text}; {advice}" if advice else text


def place(error: OSError, otherwise: object) -> str:
    """Return the file that an error is about: of a rename, the one to be replaced."""
    return str(error.filename2 or error.filename or otherwise)


def is_shortage(error: OSError) -> bool:
    """Return whether it is no fault of a file: there are too many files or processes."""
    return error.errno in _ADVICE
