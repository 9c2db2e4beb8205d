"""Draft folders: a plan is written beside its place and then renamed into it.

A draft's name says which process of which machine writes it, so that the next one can remove what a
killed process left.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

ABANDONED = 3600.0
"""Seconds after which a draft of another machine counts as that of a killed process."""
RETIRED = ".old"


def create(directory: Path) -> Path:
    """Make and return an empty folder beside `directory`, with the permissions of any new one."""
    name = f".{directory.name}.{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    draft = directory.with_name(name)
    draft.mkdir()
    return draft


def swap(draft: Path, directory: Path) -> None:
    """Put `draft` in the place of `directory`; a rename cannot replace a folder with content."""
    retired = draft.with_name(draft.name + RETIRED)
    if directory.exists():
        directory.rename(retired)
    draft.rename(directory)
    shutil.rmtree(retired, ignore_errors=True)


def sweep_up(directory: Path) -> None:
    """Remove replaced folders that could not be removed, and drafts of killed processes."""
    start = f".{directory.name}."
    for path in directory.parent.glob(f"{glob.escape(start)}*"):
        if path.suffix == RETIRED or _is_abandoned(path, path.name.removeprefix(start)):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(draft: Path, writer: str) -> bool:
    """Return whether the process that wrote `draft` is gone, or must be by the draft's age."""
    machine, _, rest = writer.rpartition("-")[0].rpartition("-")
    if machine == socket.gethostname() and rest.isdecimal():
        return not _is_running(int(rest))
    with suppress(OSError):  # it has become the plan meanwhile
        return time.time() - draft.stat().st_mtime > ABANDONED
    return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
