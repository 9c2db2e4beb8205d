"""Which trees of components there are: the harness's own, and those that its user names.

`EXTERNAL=dir[:dir]`, or --external, names folders outside. Such a tree has a Kconfig, the rooms
of `tree_layout` and defconfigs/, or some of these, and what is in them counts as if it were ours.
Nothing else tells which trees there are. A file or a store never does: Python files are programs.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.trees import tree_names
from espalier.core.trees.tree_layout import DEFCONFIGS, MENUS, ROOMS, TESTS

VARIABLE = "EXTERNAL"
"""The variable that names the trees outside, with colons between them."""
KNOBS = "ESPALIER_KNOBS"
"""The variable that names the generated tree of symbols without code, for what a sweep starts."""


def use(text: str) -> None:
    """Make what `text` names the trees of this process and of all that it starts.

    Raises UserError if there is no such tree, or a name stands in two.
    """
    trees = _read_trees(text)
    os.environ.pop(VARIABLE, None)
    os.environ.pop(KNOBS, None)
    if trees:
        os.environ[VARIABLE] = ":".join(map(str, trees))


def use_knobs(tree: Path | None) -> None:
    """Make a generated tree, or none, that of this process and of all that it starts."""
    os.environ.pop(KNOBS, None)
    if tree is not None:
        os.environ[KNOBS] = str(tree)


def knobs() -> Path | None:
    """Return the generated tree of symbols without code, if there is one."""
    text = os.environ.get(KNOBS)
    return Path(text) if text else None


def named() -> tuple[Path, ...]:
    """Return the trees that the user has named, as absolute paths. Raises UserError."""
    return _read_trees(os.environ.get(VARIABLE, ""))


def external() -> tuple[Path, ...]:
    """Return all trees outside of the harness: those named, then the generated one."""
    generated = knobs()
    return (*named(), generated) if generated else named()


def label() -> str:
    """Return a name of the trees outside for a folder of their own: empty without any.

    Generated trees have one for all: only that there is one matters for what reads them.
    """
    text = os.fsencode(":".join(map(str, named())) + "//" * bool(knobs()))
    return hashlib.sha256(text).hexdigest()[:12] if text else ""


def rooms(package: str) -> list[Path]:
    """Return the folder `package`, such as `models`, of each tree that has it, ours first."""
    return [LIBRARY / package, *_outside(external(), package)]


def search_path(package: str) -> list[str]:
    """Return where Python looks for the modules of `espalier.<package>` beside our own folder."""
    return [str(folder) for folder in _outside(external(), package)]


def modules(pattern: str) -> list[str]:
    """Return the names of all modules, ours and those outside, whose file names match, sorted."""
    below = [(tree, tree / room) for tree in external() for room in ROOMS.values()]
    paths = [
        path.relative_to(top).with_suffix("")
        for top, folder in [(LIBRARY, LIBRARY), *below]
        for path in folder.rglob(pattern)
    ]
    return sorted(".".join(["espalier", *path.parts]) for path in paths)


def presets(root: Path) -> list[Path]:
    """Return the folders of presets and range files: that of the checkout `root`, then others."""
    return [root / DEFCONFIGS, *_outside(external(), DEFCONFIGS)]


def _outside(trees: tuple[Path, ...], folder: str) -> list[Path]:
    return [tree / folder for tree in trees if (tree / folder).is_dir()]


@functools.cache
def _read_trees(text: str) -> tuple[Path, ...]:
    """Return the trees that `text` names, each once. Raises UserError."""
    named = [part for part in text.split(":") if part.strip()]
    trees = tuple(dict.fromkeys(_tree(part) for part in named))
    tree_names.check(trees)
    return trees


def _tree(name: str) -> Path:
    path = Path(os.path.realpath(os.path.expanduser(name)))  # noqa: PTH111 - a user that is none
    if ":" in str(path) or not str(path).isprintable():
        raise UserError(f"{VARIABLE}={name}: a colon or no text is in its path; rename the folder")
    if not path.is_dir():
        raise UserError(f"{VARIABLE}={name}: no such folder; make it; colons part folders")
    if path in (ROOT, LIBRARY):
        raise UserError(f"{VARIABLE}={name}: is the harness's own tree; leave it out")
    holds = (MENUS, DEFCONFIGS, *ROOMS.values(), TESTS)
    if any(path.iterdir()) and not any((path / each).exists() for each in holds):
        raise UserError(f"{VARIABLE}={name}: has none of {', '.join(holds)}; name another folder")
    return path
