"""The revision of the code and the versions of its libraries, without importing any."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from espalier.core.paths import LIBRARY, ROOT
from espalier.core.records import Revision

PACKAGES = ("espalier", "torch", "torchvision", "numpy", "scikit-learn", "kconfiglib")


@functools.cache
def code(root: Path = ROOT) -> Revision:
    """Return the commit and how the tree differs from it, as first asked for."""
    commit, status = _git(root, "rev-parse", "HEAD"), _git(root, "status", "--porcelain")
    text = status + _git(root, "diff", "HEAD") + _untracked(root)
    changes = hashlib.sha256(text.encode()).hexdigest()[:12] if status else ""
    return Revision(commit=commit, modified=bool(status), changes=changes)


@functools.cache
def sources() -> str:
    """Return a hash of all Python files of the library, 16 hex digits, the same in later calls."""
    files = {*LIBRARY.glob("**/*.py"), *LIBRARY.glob("models/*.py")}  # `**` follows no link
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(LIBRARY)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of Python and of those of PACKAGES that are installed."""
    return {"python": platform.python_version(), **_versions()}


def _untracked(root: Path) -> str:
    """Return a line for each file that git does not track nor ignore: its name and a hash."""
    names = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    files = [root / name for name in names if name and (root / name).is_file()]
    return "".join(f"{p} {hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in files)


@functools.cache
def _versions() -> dict[str, str]:
    versions = {name: _version(name) for name in PACKAGES}
    return {name: version for name, version in versions.items() if version}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git(root: Path, *args: str) -> str:
    """Return what git prints, or nothing where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", *args],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
