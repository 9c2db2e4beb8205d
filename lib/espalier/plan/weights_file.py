"""The file of weights that trials start from, in their identity by what it holds."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.file_digest import file_sha256
from espalier.core.paths import BASE

FILE, DIGEST = "INIT_FROM", "INIT_FROM_SHA256"


def with_digest(config: dict[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return a configuration with the digest of its file, if it has one. Raises UserError."""
    if DIGEST not in config:
        return config
    path = BASE / settings[FILE]
    try:
        change = path.stat()
        digest = _digest(path, change.st_mtime_ns, change.st_size)
    except OSError as error:
        raise UserError(f"CONFIG_{FILE}={settings[FILE]}: {error.strerror or error}") from None
    if config[DIGEST] not in ("", digest):
        rule = f"is not that of {settings[FILE]}, {digest}; give the file that is meant"
        raise UserError(f"CONFIG_{DIGEST}={config[DIGEST]}: {rule}")
    return {**config, DIGEST: digest}


@functools.lru_cache(maxsize=64)
def _digest(path: Path, changed: int, size: int) -> str:
    del changed, size  # another file at the same place has others
    return file_sha256(path)
