"""What every node of a cluster is given once: the library, own trees, and the folder of programs.

Ray copies two folders to a node before the first trial runs there: the package `espalier`, as it is
installed by a wheel, and a folder with all else. No node needs the checkout, nor a copy of it that
could be another version; what the library imports, such as torch, must be installed there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from espalier.core import revision, strict_json
from espalier.core.paths import INSTALLED, LIBRARY, ROOT
from espalier.core.process.disk_full import reported
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import DEFCONFIGS, MENUS
from espalier.run.ray.shipped_folder import copy_folder
from espalier.run.ray.vanishing_folder import vanishing
from espalier.scripts import code_digest, script_identity, shipped_code
from espalier.scripts.command_template import FOLDER

PROGRAMS, TREES, KNOBS, ENTRY = "programs", "trees", "knobs", "entry"
"""The folders on a node of programs, trees outside, symbols without code, an entry's module."""
_MODULES = "modules"  # in a tree whose code has modules of its user's


@dataclass(frozen=True)
class Shipment:
    """The `runtime_env` for Ray, and `places`: where on a node each folder of the driver's is."""

    runtime_env: Mapping[str, Any]
    places: Mapping[str, str]  # path on the driver -> path in the folder that a node is given


def named(settings: Mapping[str, str], entry: str) -> tuple[str, ...]:
    """Return what names the folders that `staged` copies: equal ones are copied once."""
    folder = settings[FOLDER] if script_identity.is_of_programs(settings) else ""
    knobs = own_trees.knobs() or ""
    return entry, folder, str(knobs), *map(str, own_trees.named())


@contextmanager
def staged(settings: Mapping[str, str], entry: str) -> Iterator[Shipment]:
    """Yield what the nodes of a sweep with these settings are to be given, as long as it is staged.

    `entry` is the function that trains, `module:function`; the folder of a module of the user's own
    goes too. Raises UserError for a folder that is too large to travel, DiskFullError.
    """
    with vanishing() as place:
        with reported(place):
            _stage_package(place / "espalier")
            places = _stage_home(place / "home", settings) | _stage_entry(place / "home", entry)
        env = {"py_modules": [str(place / "espalier")], "working_dir": str(place / "home")}
        yield Shipment(env, places)


def _stage_package(target: Path) -> None:
    """Copy the package as a wheel has it, with the revision that it is."""
    shutil.copytree(LIBRARY, target, ignore=shutil.ignore_patterns("__pycache__", ".*", "tests"))
    if not INSTALLED:
        shutil.copy(ROOT / MENUS, target)
        shutil.copytree(ROOT / DEFCONFIGS, target / DEFCONFIGS)
    record = strict_json.pretty(revision.code().as_json())
    (target / revision.CARRIED).write_text(record, encoding="utf-8")


def _stage_home(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Copy the folders of the user's; return where each is."""
    home.mkdir()
    places = {str(tree): f"{TREES}/{n}" for n, tree in enumerate(own_trees.named())}
    for tree, place in places.items():
        _stage_tree(Path(tree), home / place)
    if generated := own_trees.knobs():
        places[str(generated)] = KNOBS
        copy_folder(generated, home / KNOBS, own_trees.KNOBS)
    if script_identity.is_of_programs(settings):
        folder = settings[FOLDER]
        places[folder] = PROGRAMS
        copy_folder(Path(folder), home / PROGRAMS, f"CONFIG_{FOLDER}")
    return places


def _stage_entry(home: Path, entry: str) -> dict[str, str]:
    """Copy the folder in which Python finds the module of an entry, unless it is installed."""
    module = find_spec(entry.partition(":")[0].partition(".")[0])
    file = Path((module and module.origin) or "")
    if module is None or not file.is_file() or not code_digest.is_own_file(file):
        return {}
    folder = file.parents[1] if module.submodule_search_locations else file.parent
    copy_folder(folder, home / ENTRY, f"--entry {entry}")
    return {str(folder): ENTRY}


def _stage_tree(tree: Path, target: Path) -> None:
    target.mkdir(parents=True)
    copy_folder(tree, target, own_trees.VARIABLE)
    for path in tree.glob(f"*{shipped_code.SUFFIX}"):
        _stage_modules(path, target)


def _stage_modules(path: Path, target: Path) -> None:
    """Copy the folders that hold modules of shipped code into its tree, and let it say so."""
    folders, files = shipped_code.modules(path)
    tops = [top for top in folders if any(_holds(top, file) for file in files)]
    inner = {top: f"{_MODULES}/{number}" for number, top in enumerate(tops)}
    for top, place in inner.items():
        copy_folder(Path(top), target / place, f"the folder of {path.stem}")
    moved = {
        f"{place}/{Path(file).relative_to(top).as_posix()}": digest
        for top, place in inner.items()
        for file, digest in files.items()
        if _holds(top, file)
    }
    (target / path.name).write_bytes(shipped_code.moved(path, [*inner.values()], moved))


def _holds(folder: str, file: str) -> bool:
    return os.path.commonpath([folder, file]) == folder
