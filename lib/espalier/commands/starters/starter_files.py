"""The files that a new component begins with: its two, and a test that passes."""

from __future__ import annotations

import keyword
from pathlib import Path
from string import Template

from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import ROOMS, TESTS
from espalier.core.trees.tree_names import NAME, modules_of

TEMPLATES = Path(__file__).parent
LONGEST = 60
"""Letters of a name at most: its files and symbols have it in theirs."""


def starter_files(kind: str, name: str, tree: Path | None) -> dict[Path, str]:
    """Return the texts of the files of a new component `name`, by their paths.

    They lie in the `tree` outside, or without one in the harness. Raises UserError if the name
    cannot be one, or is taken.
    """
    _check_name(kind, name)
    paths = _paths(kind, name, tree)
    for path in paths.values():
        if path.exists():
            raise UserError(f"{path}: is there already; choose another name")
    return {path: _filled(f"{kind}.{part}", name) for part, path in paths.items()}


def _check_name(kind: str, name: str) -> None:
    """Raise UserError if no component of a kind can have a name, or something has it."""
    if not NAME.fullmatch(name):
        raise UserError(f"NAME={name}: must begin with a small letter, then such, digits and _")
    if len(name) > LONGEST:
        raise UserError(f"NAME={name}: must have {LONGEST} letters at most; choose a shorter name")
    if keyword.iskeyword(name):
        raise UserError(f"NAME={name}: is a word of Python itself; choose another name")
    if name in component.names(kind):
        raise UserError(f"NAME={name}: there is a {kind} so called; choose another name")
    for room in own_trees.rooms(ROOMS[kind]):
        if path := dict(modules_of(room)).get(name):
            raise UserError(f"NAME={name}: {path} is called so; choose another name")


def _paths(kind: str, name: str, tree: Path | None) -> dict[str, Path]:
    """Return where each template goes, by what follows its kind."""
    room = ROOMS[kind]
    folder = (tree or LIBRARY) / room
    tests = tree / TESTS if tree else ROOT / TESTS / room
    files = {part: folder / f"{name}.{part}" for part in ("py", "Kconfig")}
    return {**files, "test": tests / f"test_{name}.py"}


def _filled(template: str, name: str) -> str:
    words = [word for word in name.split("_") if word]
    kind = template.partition(".")[0].replace("_", " ").title().replace(" ", "")
    values = {
        "name": name,
        "NAME": name.upper(),
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words) + kind,
    }
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)
