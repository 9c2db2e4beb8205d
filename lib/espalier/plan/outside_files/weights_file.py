"""The file of weights that trials start from, in their identity by what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.file_digest import kept_sha256
from espalier.core.paths import BASE
from espalier.kconfig.requests import Requests

FILE, DIGEST = "INIT_FROM", "INIT_FROM_SHA256"


def with_digest(config: dict[str, str], is_swept: bool) -> dict[str, str]:
    """Return a configuration with the digest of its file, if it has one. Raises UserError.

    Where files are swept, one that has none says so: it is compared with those that do.
    """
    if DIGEST not in config:
        return {**config, FILE: ""} if is_swept else config
    path = BASE / config[FILE]
    try:
        digest = kept_sha256(path)
    except OSError as error:
        rule = f"{error.strerror or error} in {BASE.resolve()}, nor beside the range file"
        raise UserError(f"CONFIG_{FILE}={config[FILE]}: {rule}") from None
    if config[DIGEST] not in ("", digest):
        rule = f"is not that of {config[FILE]}, {digest}; give the file that is meant"
        raise UserError(f"CONFIG_{DIGEST}={config[DIGEST]}: {rule}")
    return {**config, DIGEST: digest}


def identity_part(config: Mapping[str, str]) -> dict[str, str]:
    """Return what of a configuration is its identity: all but where its file of weights lies."""
    return {name: value for name, value in config.items() if name != FILE}


def resolve_paths(requested: Requests) -> Requests:
    """Return requests whose file of weights is that beside their range file, if it lies there.

    One that is where relative paths of a configuration begin goes before it.
    """
    request = requested.get(FILE)
    if request is None:
        return requested
    folder = Path(request.place.path).parent
    values = tuple(_resolve(value, folder) for value in request.values)
    return {**requested, FILE: replace(request, values=values)}


def _resolve(value: str, folder: Path) -> str:
    if not value or (BASE / value).exists() or not (folder / value).is_file():
        return value
    path, base = (folder / value).resolve(), BASE.resolve()
    return str(path.relative_to(base) if path.is_relative_to(base) else path)
