"""The revision of the code and the versions of its libraries, without importing any.

Code is what a trial's numbers can hang on: the Python and Kconfig files of the library, those of
`models/` and of trees outside with them, tracked by git or not. Results, range files, tests and
pages are none of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from espalier import __version__
from espalier.core.paths import LIBRARY
from espalier.core.records import Revision
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import MENUS, ROOMS, TESTS

PACKAGES = ("espalier", "torch", "torchvision", "numpy", "scikit-learn", "kconfiglib")
OUTSIDE = ("analysis", "report", "validation", "search", "commands")
"""Rooms that no training is done by, so that no number of a trial hangs on them."""
NAMED, KEPT = 3, 20  # changed files that a text names, and a record keeps
CARRIED = "revision.json"
"""The file of a copy of the library that says what revision it was copied from."""


@functools.cache
def code(library: Path = LIBRARY) -> Revision:
    """Return the commit, a hash of the code, and what of it differs from the commit.

    As of the first call. The commit is empty where git does not track the library.
    """
    digest = sources(library)
    if (carried := _carried(library)) and carried.sources == digest:
        return carried
    commit, prefix = _repository(library)
    changed = _changed(library, prefix) if commit else []
    return Revision(
        version=__version__,
        commit=commit,
        modified=bool(changed),
        changes=digest[:12] if changed else "",
        sources=digest,
        files=changed[:KEPT],
        trees=trees(),
    )


def _carried(library: Path) -> Revision | None:
    """Return the revision that a copy on another machine was made of; None for no such copy."""
    path = library / CARRIED
    if not path.is_file():
        return None
    return Revision.from_json(json.loads(path.read_text(encoding="utf-8")))


def trees() -> list[dict[str, str]] | None:
    """Return the path of each tree of EXTERNAL with a hash of its code; None if there is none."""
    records = [
        {"path": str(tree), "sources": _hash(_tree_files(tree))} for tree in own_trees.named()
    ]
    return records or None


@functools.cache
def sources(library: Path = LIBRARY) -> str:
    """Return a hash of all code files, 16 hex digits, the same in later calls.

    That of trees outside is code like ours, wherever they lie.
    """
    outside = (file for tree in own_trees.named() for file in _tree_files(tree))
    return _hash([*_code_files(library), *outside])


def _hash(files: Iterable[tuple[str, Path]]) -> str:
    contents = sorted((name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in files)
    lines = (os.fsencode(f"{name} {content}\n") for name, content in contents)
    return hashlib.sha256(b"".join(lines)).hexdigest()[:16]


def describe(code: Revision | None) -> str:
    """Return a revision as text: its commit, what was changed since, the hash of its code."""
    if code is None or not (code.commit or code.sources):
        return "unknown"
    commit = f"commit {code.commit[:12]}" if code.commit else f"version {code.version}, no commit"
    names = list(code.files or [])
    changes = f" with uncommitted changes {code.changes or ''}".rstrip() if code.modified else ""
    if names:
        more = " and others" * (len(names) > NAMED)
        changes = f" with changes in {', '.join(names[:NAMED])}{more}"
    own = f" [code {code.sources[:12]}]" if code.sources else ""
    script = f" [script {code.script[:12]}]" if code.script else ""
    trees = "".join(_describe_tree(tree) for tree in code.trees or ())
    return commit + changes + own + script + trees


def _describe_tree(tree: Mapping[str, str]) -> str:
    return f", tree {tree.get('path')} [code {tree.get('sources', '')[:12]}]"


def versions() -> dict[str, str]:
    """Return the versions of Python and of those of PACKAGES that are installed."""
    return {"python": platform.python_version(), **_versions()}


def _code_files(library: Path) -> Iterator[tuple[str, Path]]:
    """Yield each code file with its name in a checkout."""
    menus = library.parents[1] / MENUS
    if menus.is_file():  # an installed package has none
        yield MENUS, menus
    yield from _code_below(library, (*OUTSIDE, TESTS))


def _tree_files(tree: Path) -> Iterator[tuple[str, Path]]:
    """Yield each code file of a tree outside with its name there: its rooms' and its menu."""
    if (menus := tree / MENUS).is_file():
        yield f"external/{MENUS}", menus
    for room in ROOMS.values():
        for name, path in _code_below(tree / room):
            yield f"external/{room}/{name}", path


def _code_below(top: Path, but: Collection[str] = ()) -> Iterator[tuple[str, Path]]:
    """Yield each code file of a folder with its name in it; each folder once, links or not.

    Folders of it that are named in `but` are left out.
    """
    entered = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        entered.add(os.path.realpath(folder))
        own = Path(folder).relative_to(top)
        folders[:] = [
            name
            for name in folders
            if _counts(own / name, but) and os.path.realpath(f"{folder}/{name}") not in entered
        ]
        for name in filter(_is_code, names):
            if (path := Path(folder, name)).is_file():
                yield (own / name).as_posix(), path


def _counts(folder: Path, but: Collection[str]) -> bool:
    return folder.as_posix() not in but and not folder.name.startswith((".", "__"))


def _is_code(name: str) -> bool:
    return name.endswith((".py", "Kconfig")) and not name.startswith(".")


def _repository(library: Path) -> tuple[str, str]:
    """Return the commit and the checkout's folder in the repository, or nothing.

    Nothing where git does not track the library: an environment within another's repository.
    """
    if not _git(library, "ls-files", "__init__.py"):
        return "", ""
    commit, _, prefix = _git(library.parents[1], "rev-parse", "HEAD", "--show-prefix").partition(
        "\n"
    )
    return commit, prefix.strip()


def _changed(library: Path, prefix: str) -> list[str]:
    """Return the code files that are not as committed, as the checkout names them."""
    root = library.parents[1]
    own = library.relative_to(root).as_posix()
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
    listed = _git(root, "status", *options, "--", own, "models", MENUS)
    names = [entry[3:].removeprefix(prefix) for entry in listed.split("\0")]
    outside = tuple(f"{own}/{room}/" for room in OUTSIDE)
    return [n for n in names if _is_code(Path(n).name) and not n.startswith(outside)]


@functools.cache
def _versions() -> dict[str, str]:
    versions = {name: _version(name) for name in PACKAGES}
    return {name: version for name, version in versions.items() if version}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git(folder: Path, *args: str) -> str:
    """Return what git prints, or nothing where there is no git or no repository.

    It takes the repository that `folder` is in, whatever a hook of another has set.
    """
    others = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *args],
            cwd=folder,
            env={name: text for name, text in os.environ.items() if name not in others},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
