"""The file of weights that trials start from, in their identity by what it holds."""

from __future__ import annotations

from collections.abc import Mapping

from espalier.core.errors import UserError
from espalier.core.file_digest import kept_sha256
from espalier.core.paths import BASE

FILE, DIGEST = "START_WEIGHTS", "START_WEIGHTS_SHA256"


def with_digest(config: dict[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return a configuration with the digest of its file, if it has one. Raises UserError."""
    if DIGEST not in config:
        return config
    path = BASE / settings[FILE]
    try:
        digest = kept_sha256(path)
    except OSError as error:
        raise UserError(f"CONFIG_{FILE}={settings[FILE]}: {error.strerror or error}") from None
    if config[DIGEST] not in ("", digest):
        rule = f"is not that of {settings[FILE]}, {digest}; give the file that is meant"
        raise UserError(f"CONFIG_{DIGEST}={config[DIGEST]}: {rule}")
    return {**config, DIGEST: digest}
