"""Trees that are written by the harness: Kconfig symbols for knobs that no file declares.

Such a tree is a folder like any tree outside, in the cache, named by a hash of what is in it.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import cache_folder
from espalier.core.trees.tree_layout import MENUS

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What a knob may be called: its symbol is that in capitals."""
LARGEST = 2**53
"""Integers of a knob lie between this and its negative: those that a float holds exactly."""
_SPECIAL = re.compile(r'(["\\$])')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TYPES: Mapping[type, tuple[str, str, str]] = {  # Kconfig type, range, mark
    bool: ("bool", "", ""),
    int: ("int", f"\trange -{LARGEST} {LARGEST}\n", ""),
    float: ("string", "", "\t  Float in [-1e300, 1e300]\n"),
    str: ("string", "", ""),
}


@dataclass(frozen=True)
class Knob:
    """A symbol to be generated. Its type is that of its default."""

    name: str
    default: int | float | str | bool

    @property
    def symbol(self) -> str:
        """Return its name as a symbol, without `CONFIG_`."""
        return self.name.upper()


def write_tree(
    knobs: Sequence[Knob],
    files: Mapping[str, str | bytes] | None = None,
    guard: str = "",
    note: str = "",
) -> Path:
    """Return a tree with a symbol for each knob, and with `files` by their paths in it.

    The symbols depend on `guard`, an expression of Kconfig. `note` is a comment in the menu, so
    that a hash of the tree's code has it. Raises UserError for a name that is none, or stands
    twice, and for a text of several lines.
    """
    contents = {MENUS: _menu(knobs, guard, note).encode()}
    for name, content in (files or {}).items():
        contents[name] = content.encode() if isinstance(content, str) else content
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]
    try:
        return _placed(contents, cache_folder() / "trees" / digest)
    except OSError:  # where there can be no cache it goes with this process
        folder = Path(tempfile.mkdtemp(prefix="espalier-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return _placed(contents, folder / digest)


def _placed(contents: Mapping[str, bytes], folder: Path) -> Path:
    """Write the tree if it is not there, whole or not at all."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in contents.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(content)
        _rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _rename(draft: Path, folder: Path) -> None:
    """Rename a draft to the tree, unless another process has just written the same."""
    try:
        Path(draft).rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _menu(knobs: Sequence[Knob], guard: str, note: str) -> str:
    seen: dict[str, Knob] = {}
    for knob in knobs:
        _check(knob)
        if other := seen.get(knob.symbol):
            raise UserError(f"{knob.name}: stands twice, as {other.name}; keep one of them")
        seen[knob.symbol] = knob
    comments = "".join(f"# {line}\n" for line in note.splitlines())
    return comments + "\n".join(_entry(knob, guard) for knob in knobs)


def _check(knob: Knob) -> None:
    if not NAME.fullmatch(knob.name):
        raise UserError(f"{knob.name!r}: must be letters, digits and _, a letter first; rename it")
    if isinstance(knob.default, str) and _CONTROL.search(knob.default):
        rule = "must be one line without control characters"
        raise UserError(f"{knob.name}={knob.default!r}: {rule}; give another default")
    if isinstance(knob.default, int) and abs(knob.default) > LARGEST:
        rule = f"must be an integer of at most {LARGEST}"
        raise UserError(f"{knob.name}={knob.default}: {rule}; give another default")


def _entry(knob: Knob, guard: str) -> str:
    kind, limits, mark = _TYPES[type(knob.default)]
    depends = f"\tdepends on {guard}\n" if guard else ""
    return (
        f"config {knob.symbol}\n"
        f'\t{kind} "{knob.name}"\n'
        f"{depends}{limits}"
        f"\tdefault {_literal(knob.default)}\n"
        "\thelp\n"
        f"\t  {knob.name}, with the default that was given with it.\n"
        "\t  Pack: same\n"
        f"{mark}"
    )


def _literal(value: int | float | str | bool) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    if isinstance(value, int):
        return str(value)
    return '"' + _SPECIAL.sub(r"\\\1", str(value)) + '"'
