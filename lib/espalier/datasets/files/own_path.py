"""The path of data of the user's own."""

from __future__ import annotations

from pathlib import Path

from espalier.core.errors import UserError


def own_path(data_dir: Path, name: str, symbol: str, kind: str) -> Path:
    """Return the path `name`, relative to `data_dir` unless it is absolute.

    Raises UserError if nothing is named: `symbol` must be the path of `kind`.
    """
    if not name:
        raise UserError(f'{symbol}="": names no file; set it to the path of {kind}')
    return data_dir / name
