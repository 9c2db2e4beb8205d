"""Compare two configuration files."""

from __future__ import annotations

from pathlib import Path

from espalier.kconfig import range_file
from espalier.kconfig.range_file import Setting


def compare(old: Path, new: Path) -> list[str]:
    """Return the differences between two files, a line each. Raises UserError."""
    return difference(_values(old), _values(new))


def difference(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Return lines `-GONE value`, then ` CHANGED old -> new`, then `+ADDED value`."""
    gone = [f"-{name} {old[name]}" for name in sorted(old.keys() - new.keys())]
    both = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    changed = [f" {name} {old[name]} -> {new[name]}" for name in both]
    added = [f"+{name} {new[name]}" for name in sorted(new.keys() - old.keys())]
    return gone + changed + added


def _values(file: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    for setting in range_file.read(file):
        if values.setdefault(setting.symbol, _shown(setting)) != _shown(setting):
            raise setting.error("an earlier line sets it to another value; keep one")
    return values


def _shown(setting: Setting) -> str:
    """Return one value without its quotes, several values as they were written."""
    return setting.values[0] if len(setting.values) == 1 else setting.text
