"""Folders of the user's that travel to other machines: which files of them do, and how many bytes.

Results, environments and what tools keep for themselves stay behind.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import RESULTS, SWEEP_CONFIGS
from espalier.store.results_dir import STORE

MIB = 1 << 20
LARGEST = 256 * MIB
"""The bytes of a folder that travels; Ray takes 512 MiB in all."""
MOST_FILES = 20_000
_BEHIND = {SWEEP_CONFIGS.name, RESULTS.name, "node_modules"}


def copy_folder(source: Path, target: Path, what: str) -> None:
    """Copy the files of a folder that travel. Raises UserError, which begins by `what`, OSError."""
    size = 0
    for count, path in enumerate(travelling(source)):
        size += path.stat().st_size
        if size > LARGEST or count >= MOST_FILES:
            raise UserError(
                f"{what}: {source} holds more than {LARGEST // MIB} MiB or {MOST_FILES} files, too "
                "much to travel to nodes; keep data in CONFIG_DATA_DIR, and the program in a "
                "folder of its own"
            )
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)


def travelling(top: Path) -> Iterator[Path]:
    """Yield the files below a folder that travel, with what links lead to; each folder once."""
    entered = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        entered.add(os.path.realpath(folder))
        inner = (Path(folder, name) for name in sorted(folders))
        folders[:] = [
            path.name for path in inner if _travels(path) and os.path.realpath(path) not in entered
        ]
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())


def _travels(folder: Path) -> bool:
    """Return whether a folder is neither hidden, nor of results, nor an environment of Python."""
    if folder.name in _BEHIND or folder.name.startswith((".", "__pycache__")):
        return False
    return not ((folder / STORE).exists() or (folder / "pyvenv.cfg").exists())
