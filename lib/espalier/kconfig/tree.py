"""Parse the Kconfig tree, in the same way for every front end and for the plan."""

from __future__ import annotations

import atexit
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import kconfiglib

from espalier.core import component
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT, cache_folder
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import MENUS, PATTERNS, ROOMS

MATRIX = {  # kind -> (symbol prefix of its choice members, of its test-matrix switches, mode)
    "model": ("MODEL_SELECT", "MODEL_ENABLE", "MODEL_MODE_MULTIPLE"),
    "optimizer": ("OPTIMIZER_SELECT", "OPTIMIZER_ENABLE", "OPTIMIZER_MODE_MULTIPLE"),
    "method": ("PRUNING_SELECT", "PRUNING_ENABLE", "PRUNING_MODE_MULTIPLE"),
}

_TREE = "ESPALIER_TREE_"
"""How the variables begin by which Kconfig files name the trees outside."""


class _Tree(kconfiglib.Kconfig):  # type: ignore[misc]
    """A tree that reads all its files as UTF-8 with or without a byte order mark."""

    def _open(self, filename: str, mode: str) -> IO[str]:
        return Path(filename).open(mode, encoding="utf-8-sig" if mode == "r" else "utf-8")


def parse(root: Path = ROOT) -> kconfiglib.Kconfig:
    """Return the tree of `root`; warnings are kept on it and not printed.

    What is read depends neither on a symbol prefix in the environment nor on a module
    `kconfigfunctions` on the path. Raises UserError, with file and line, if it cannot be read.
    """
    os.environ["ESPALIER_GENERATED"] = _as_pattern(write_generated(root))
    os.environ["ESPALIER_ROOMS"] = "." if root == LIBRARY else "lib/espalier"
    for number, outside in enumerate(own_trees.external()):
        os.environ[f"{_TREE}{number}"] = _as_pattern(outside)
    os.environ.pop("CONFIG_", None)
    os.environ["KCONFIG_FUNCTIONS"] = "espalier_has_no_kconfig_functions"
    os.environ["srctree"] = str(root)  # noqa: SIM112
    try:
        kconf = _Tree("Kconfig", warn=True, warn_to_stderr=False)
    except kconfiglib.KconfigError as error:  # its text names file and line
        text = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{text}; correct the Kconfig file") from None
    _check_once(kconf)
    return kconf


def _as_pattern(path: Path) -> str:
    """Return a pattern that the path alone fits, and in which kconfiglib expands no variable."""
    return glob.escape(str(path)).replace("$", "[$]")


def _check_once(kconf: kconfiglib.Kconfig) -> None:
    """Raise UserError for a symbol or choice of a tree outside that another file has too.

    A symbol may not have the name of a choice either.
    """
    for item in [*kconf.unique_defined_syms, *kconf.unique_choices]:
        nodes = [*item.nodes, *_nodes_of_choice(kconf, item)]
        places = {node.filename: f"{node.filename}:{node.linenr}" for node in nodes}
        outside = [place for file, place in places.items() if Path(file).is_absolute()]
        if len(places) > 1 and outside:
            other = next(place for place in places.values() if place != outside[-1])
            if own_trees.knobs() in Path(outside[-1]).parents:
                fix = "leave it out if the command means that, else rename it"
                rule = f"{item.name} is a symbol already ({other})"
                raise UserError(f"CONFIG_SCRIPT_KNOBS: {rule}; {fix}")
            raise UserError(f"{outside[-1]}: {item.name} stands in {other} too; rename it")


def _nodes_of_choice(
    kconf: kconfiglib.Kconfig, item: kconfiglib.Symbol | kconfiglib.Choice
) -> list[kconfiglib.MenuNode]:
    """Return where the choice is defined that has the name of a symbol, if there is one."""
    choice = kconf.named_choices.get(item.name)
    return [] if choice is None or choice is item else choice.nodes


def write_generated(root: Path) -> Path:
    """Write the fragments that depend on which components there are; return their folder."""
    texts = {**_switches(), **_sources(len(own_trees.external()))}
    if root == LIBRARY:
        return _write_to_cache(texts)
    folder = Path("include", "generated", own_trees.label())
    _write(root / folder, texts)
    return folder


def _sources(trees: int) -> dict[str, str]:
    """Return, for each room, a fragment that reads those of so many trees outside; none for 0.

    A variable names each tree, so that to move one changes no file.
    """
    patterns = {
        f"{Path(room).name}.Kconfig": [f"{room}/{each}" for each in PATTERNS]
        for room in ROOMS.values()
    }
    patterns[MENUS] = [MENUS]
    return {f"external/{name}": _reading(trees, each) for name, each in patterns.items() if trees}


def _reading(trees: int, patterns: Sequence[str]) -> str:
    return "".join(
        f'osource "$({_TREE}{number})/{pattern}"\n\n'
        for number in range(trees)
        for pattern in patterns
    )


def _switches() -> dict[str, str]:
    """Return, for each kind, a fragment with the test-matrix switch of each component.

    A component's own fragment cannot hold its switch: it is read inside of a choice, where a bool
    would become a member.
    """
    return {
        f"{kind}.Kconfig": "".join(_switch(prefix, mode, name) for name in component.names(kind))
        for kind, (_, prefix, mode) in MATRIX.items()
    }


def _write_to_cache(texts: Mapping[str, str]) -> Path:
    """Write fragments where users may write, in a folder named by what is in it; return it.

    Where there can be no cache it is a folder that goes with this process.
    """
    name = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:16]
    folder = cache_folder() / "kconfig" / name
    try:
        _write(folder, texts)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="espalier-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _write(folder, texts)
    return folder


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        _write_if_changed(folder / name, text)


def _switch(prefix: str, mode: str, name: str) -> str:
    return (
        f"config {prefix}_{name.upper()}\n"
        f'\tbool "Include {name}"\n'
        f"\tdepends on {mode}\n"
        "\tdefault y\n"
        "\thelp\n"
        f"\t  Give {name} trials of its own in the test matrix. On by default: a matrix is\n"
        "\t  cut down by switching parts off.\n"
        "\t  Identity: no\n\n"
    )


def _write_if_changed(path: Path, text: str) -> None:
    if path.is_file() and path.read_bytes() == text.encode():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, text)
