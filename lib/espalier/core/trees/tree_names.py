"""Whether the names of trees can stand beside each other and beside ours.

A name that stands twice would hide one of two components, or make one Kconfig symbol of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.trees.tree_layout import DEFCONFIGS, PATTERNS, ROOMS, fragments

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a component may be called: its symbols begin with its name in capitals."""
_RENAME = "rename one of the two"


def check(trees: Sequence[Path]) -> None:
    """Raise UserError unless every name of the trees is a name, complete, and stands once."""
    if not trees:
        return
    for room in ROOMS.values():
        outside = [tree / room for tree in trees]
        for folder in outside:
            _check_components(folder)
        _check_once([LIBRARY / room, *outside])
    _refuse_twice(_presets([ROOT, *trees]))


def _check_components(folder: Path) -> None:
    for path in fragments(folder):
        if not NAME.fullmatch(path.stem):
            raise UserError(f"{path}: must be named by small letters, digits and _; rename it")
        if not path.with_suffix(".py").is_file():
            raise UserError(f"{path}: has no {path.stem}.py beside it; a component is two files")


def _check_once(folders: Sequence[Path]) -> None:
    """Raise UserError for a component, a module or a family that two folders of a kind have."""
    _refuse_twice((path.stem, path) for folder in folders for path in fragments(folder))
    _refuse_twice(pair for folder in folders for pair in modules_of(folder))


def modules_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules and families of a room by what Python calls them."""
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__":
            yield path.stem, path
    for pattern in ("*/*.py", PATTERNS[1]):
        for family in sorted({path.parent for path in folder.glob(pattern)}):
            yield family.name, family


def _presets(trees: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for tree in trees:
        for path in sorted((tree / DEFCONFIGS).glob("*")):
            yield path.name, path


def _refuse_twice(named: Iterable[tuple[str, Path]]) -> None:
    """Raise UserError, with both files, for a name that two files have."""
    first: dict[str, Path] = {}
    for name, path in named:
        other = first.setdefault(name, path)
        if other != path:
            raise UserError(f"{path}: {name!r} stands in {other} too; {_RENAME}")
