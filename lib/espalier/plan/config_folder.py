"""A folder of `config_*` files that a user wrote: which of them are configurations."""

from __future__ import annotations

import re
from pathlib import Path

_BACKUP = re.compile(
    r".*(~|\.(old|bak|bk|backup|orig|save|saved|rej|tmp|part|sw[a-p]|un~|rpmsave|dpkg-old)"
    r"([.-]?[0-9]+)?|\.#.*| \(copy\))",
    re.IGNORECASE,
)


def list_configs(directory: Path) -> tuple[list[Path], list[str]]:
    """Return the configurations in a folder in natural order, and a note on what is left out.

    Backups are left out: `config_001.old` is what `make olddefconfig` leaves, the others come from
    editors and patches. A point alone makes none: `config_lr0.1` is a configuration.
    """
    files = sorted((p for p in directory.glob("config_*") if p.is_file()), key=_natural)
    backups = [path.name for path in files if _BACKUP.fullmatch(path.name)]
    configs = [path for path in files if path.name not in backups]
    note = f"{directory}: left out, as backups: {', '.join(backups)}"
    return configs, [note] if backups else []


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that puts config_2 before config_10."""
    return [(int(n or 0), text) for n, text in re.findall(r"(\d*)(\D*)", path.name)]
