"""What a sweep of programs would start: its commands and the files in them, known by a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.file_digest import file_sha256
from espalier.core.records import Revision
from espalier.kconfig import number_range
from espalier.scripts import command_template
from espalier.scripts.command_template import FOLDER, SCRIPT

TRAINER, PROGRAMS = "TRAINER", "script"
"""The setting that says what trains trials, and its value if they are programs."""
DIGEST = "SCRIPT_DIGEST"
HEX = 12
"""Hex digits of a hash that people type."""


@dataclass(frozen=True)
class ScriptIdentity:
    """The commands of a sweep, sorted, what they hold of texts, and their files.

    `texts` are the symbols in a command, with values that are no numbers and no switches: they can
    say what it runs, as the others cannot.
    """

    commands: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """Return a hash of the files' contents, wherever they lie; empty without any."""
        return files_digest(self.files)

    @property
    def hash(self) -> str:
        """Return the hash of all of it, as 64 hex digits."""
        whole = [self.commands, self.texts, self.digest]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """Return a hash of the contents of files, 16 hex digits; empty without any.

    Raises UserError if one cannot be read.
    """
    names: dict[str, None] = {}
    for path in files:
        try:
            names.setdefault(f"{path.name} {file_sha256(path)}")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}; it is in the command") from None
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16] if names else ""


def is_of_programs(settings: Mapping[str, str]) -> bool:
    """Return whether the trials of a sweep are programs."""
    return settings.get(TRAINER) == PROGRAMS


def code_of(settings: Mapping[str, str]) -> Revision:
    """Return the code that the trials of a sweep are made by: the library's, and the script's."""
    code = revision.code()
    return replace(code, script=settings.get(DIGEST, "")) if is_of_programs(settings) else code


def identify(configs: Iterable[Mapping[str, str]], settings: Mapping[str, str]) -> ScriptIdentity:
    """Return what trials with these `configs` would start. Raises UserError for no command."""
    commands: set[str] = set()
    texts: set[tuple[str, str]] = set()
    words: set[str] = set()
    for config in configs:
        values, command = {**settings, **config}, config[SCRIPT]
        commands.add(command)
        words.update(command_template.fill(command, values))
        used = [(name, values[name]) for name in command_template.names(command)]
        texts.update(pair for pair in used if _is_free(*pair))
    folder = Path(settings[FOLDER])
    files = {path for word in words if (path := command_template.find_file(word, folder))}
    return ScriptIdentity(tuple(sorted(commands)), tuple(sorted(texts)), tuple(sorted(files)))


def _is_free(name: str, text: str) -> bool:
    """Return whether a value could say what runs, as a number or a switch could not."""
    return name != FOLDER and text not in ("y", "n") and not number_range.is_number(text)
