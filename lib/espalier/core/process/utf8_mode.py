"""File names in UTF-8, whatever the locale, as the texts are that name them."""

from __future__ import annotations

import os
import sys

VARIABLE = "PYTHONUTF8"


def ensure() -> None:
    """Start the program again in Python's UTF-8 mode if the locale has another encoding.

    A configuration may name a folder `données`, which a file system call of an ASCII locale
    refuses. Processes that this one starts inherit the mode.
    """
    is_utf8 = sys.getfilesystemencoding().lower() == "utf-8"
    if is_utf8 or os.environ.get(VARIABLE) == "1":
        return
    os.environ[VARIABLE] = "1"
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
