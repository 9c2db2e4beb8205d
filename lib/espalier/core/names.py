"""Names of folders that came out of a file: a store or a plan may be a stranger's.

What is written for a trial stays within the folder of its sweep.
"""

from __future__ import annotations

import os
from pathlib import Path

from espalier.core.errors import UserError

LONGEST = 255
"""Bytes of a name, on every file system in use."""
_SEPARATORS = ("/", "\\", "\0")


def checked(name: object, origin: Path) -> str:
    """Return `name` if it names an entry of a folder. Raises UserError, with `origin`, if not."""
    if rule := broken_rule(name):
        raise UserError(f"{origin}: name of a folder {str(name)[:80]!a}: {rule}; nothing is run")
    return str(name)


def broken_rule(name: object) -> str:
    """Return what is wrong with a name of an entry of a folder; empty if nothing is."""
    if not isinstance(name, str):
        return "must be text"
    if any(sign in name for sign in _SEPARATORS):
        return "must name a folder within the sweep's, without / and the like"
    if not name or name.startswith("."):
        return "must not be empty nor begin with a point"
    if not name.isprintable():
        return "must consist of printable characters"
    try:
        size = len(os.fsencode(name))
    except UnicodeEncodeError:
        return "must be encodable in the locale of file names"
    return f"must be no longer than {LONGEST} bytes" if size > LONGEST else ""


def check_inside(folder: Path, directory: Path) -> None:
    """Raise UserError if a trial's folder, or what it holds, is a link that leads out of `folder`.

    What is written there later, by the runner or by a trial, would go wherever the link leads.
    """
    if directory.is_symlink():
        _check_link(folder, directory)
    check_links(folder, directory)


def check_links(folder: Path, directory: Path) -> None:
    """Raise UserError if `directory` holds a link that leads out of `folder`."""
    try:
        with os.scandir(directory) as entries:
            links = [Path(entry.path) for entry in entries if entry.is_symlink()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for link in links:
        _check_link(folder, link)


def _check_link(folder: Path, link: Path) -> None:
    real, target = os.path.realpath(folder), os.path.realpath(link)
    if os.path.commonpath([real, target]) != real:
        raise UserError(
            f"{link}: is a link to {target}, out of the sweep's folder; "
            "nothing is written there: remove the link"
        )
