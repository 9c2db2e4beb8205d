"""The programs that this user has allowed to run as trials.

A range file may be anybody's. What it names is started once its user has said so: by giving the
command itself, or by its hash. The hashes are kept in the folder of the user's configuration.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.text_files import read_user_text
from espalier.scripts.script_identity import HEX, ScriptIdentity

VARIABLE = "ALLOW"
FILE = "allowed_scripts"
PRIVATE = 0o600


def allow(script: ScriptIdentity) -> None:
    """Keep that its user allows what a sweep starts. Raises UserError if it cannot be kept."""
    path = _path()
    if script.hash in _lines():
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _append(path, script.hash)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; it keeps what is allowed") from None


def _append(path: Path, line: str) -> None:
    """Add a line in one piece, so that two sweeps that allow at once lose none. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
    try:
        os.fchmod(descriptor, PRIVATE)
        size = os.fstat(descriptor).st_size
        begin = "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""
        os.write(descriptor, f"{begin}{line}\n".encode())
    finally:
        os.close(descriptor)


def check(script: ScriptIdentity, given: str = "") -> None:
    """Raise UserError unless what a sweep starts is allowed, by ALLOW=`given` or from before."""
    if given:
        _check_given(script, given)
        allow(script)
    if script.hash not in _lines():
        raise UserError(
            f"{_described(script)}: must be allowed once, since a program can do all that you can; "
            f"look at it, then give the same command again with {_how(script)}"
        )


def _check_given(script: ScriptIdentity, given: str) -> None:
    if not script.beside:
        rule = f"allows files, and none is in {_described(script)}"
        raise UserError(f"{VARIABLE}={given}: {rule}; give the command: {_how(script)}")
    text = given.lower()
    if len(text) < HEX:
        raise UserError(f"{VARIABLE}={given}: must be {HEX} hex digits or more; see {_how(script)}")
    if not script.hash.startswith(text):
        rule = f"is not the hash of {_described(script)}; if that may run: {_how(script)}"
        raise UserError(f"{VARIABLE}={given}: {rule}")


def _described(script: ScriptIdentity) -> str:
    commands = "; ".join(script.commands)
    files = ", ".join(map(str, script.files)) or "no file of its own"
    texts = "".join(f", {name}={text}" for name, text in script.texts)
    return f"CONFIG_SCRIPT={commands} ({files}{texts})"


def _how(script: ScriptIdentity) -> str:
    """Return what to type: the hash, or the command where it has no file to look at."""
    if script.beside:
        return f"{VARIABLE}={script.hash[:HEX]}"
    return f"SCRIPT={shlex.quote(script.commands[0])}"


def _lines() -> list[str]:
    path = _path()
    return read_user_text(path).split() if path.is_file() else []


def _path() -> Path:
    """Return the file. Raises UserError without a home."""
    given = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(given) if given else Path.home() / ".config") / "espalier" / FILE
    except RuntimeError:
        rule = "no home folder: set XDG_CONFIG_HOME, where it is kept what may run"
        raise UserError(rule) from None
