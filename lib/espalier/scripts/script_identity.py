"""What a sweep of programs would start: its commands and the files in them, known by a hash."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.file_digest import kept_sha256
from espalier.core.records import Revision
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import number_range
from espalier.scripts import command_template
from espalier.scripts.command_template import FOLDER, SCRIPT

TRAINER = "TRAINER"
"""The setting that says what trains trials."""
PROGRAMS, LIBRARY = "script", "library"
"""Its values if they are programs, and if the library trains them."""
DIGEST = "SCRIPT_DIGEST"
AGAIN = f"plan again: {MAKE} sweep (the same trials continue their sweep)"
LARGEST = 2**24
"""Bytes of a file outside of the folder that is hashed: larger ones are data."""
_MAIN = "__main__.py"
HEX = 12
"""Hex digits of a hash that people type."""


@dataclass(frozen=True)
class Word:
    """A word of a command that has its values."""

    text: str
    is_program: bool = False  # the first one


@dataclass(frozen=True)
class ScriptIdentity:
    """The commands of a sweep, sorted, what they hold of texts, and their files with a digest.

    `texts` are the symbols in a command, with values that are no numbers and no switches: they can
    say what it runs, as the others cannot.
    """

    commands: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    files: tuple[Path, ...]
    digest: str
    beside: bool  # whether one of the files lies below the folder, or in a tree of one's own
    folder: Path  # since what its files import lies there, and is in no digest

    @property
    def hash(self) -> str:
        """Return the hash of all of it, as 64 hex digits."""
        whole = [self.commands, self.texts, self.digest, str(self.folder)]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def is_of_own_code(config: Mapping[str, str]) -> bool:
    """Return whether a trial's configuration names a program or a function that trains it."""
    return SCRIPT in config or "TRAIN_FUNCTION" in config


def is_of_programs(settings: Mapping[str, str]) -> bool:
    """Return whether the trials of a sweep are programs."""
    return settings.get(TRAINER) == PROGRAMS


def code_of(settings: Mapping[str, str]) -> Revision:
    """Return the code that the trials of a sweep are made by: the library's, and the script's."""
    code = revision.code()
    if not is_of_programs(settings):
        return code
    digest = hashlib.sha256(settings.get(DIGEST, "").encode()).hexdigest()
    return replace(code, script=digest[:16])


def identify(configs: Iterable[Mapping[str, str]], settings: Mapping[str, str]) -> ScriptIdentity:
    """Return what trials with these `configs` would start. Raises UserError for no command."""
    commands: set[str] = set()
    texts: set[tuple[str, str]] = set()
    words: set[Word] = set()
    for config in configs:
        values, command = {**settings, **config}, config.get(SCRIPT, "")
        commands.add(command)
        used = [(name, values.get(name, "")) for name in command_template.names(command)]
        program, *others = command_template.fill(command, dict(used))
        words |= {Word(program, is_program=True), *map(Word, others)}
        texts.update(pair for pair in used if _is_free(*pair))
    folder = Path(settings.get(FOLDER, ""))
    files = _files(words, folder)
    return ScriptIdentity(
        commands=tuple(sorted(commands)),
        texts=tuple(sorted(texts)),
        files=tuple(files),
        digest=shlex.join(files.values()),
        beside=any(command_template.find_file(str(path), folder) for path in files),
        folder=folder.resolve(),
    )


def check_unchanged(config: Mapping[str, str], settings: Mapping[str, str]) -> None:
    """Raise UserError if a file of a trial's command is not as it was when it was planned."""
    program, *others = command_template.fill(config[SCRIPT], {**settings, **config})
    words = [Word(program, is_program=True), *map(Word, others)]
    planned = shlex.split(settings[DIGEST])
    for path, entry in _files(words, Path(settings[FOLDER])).items():
        if entry not in planned:
            raise UserError(f"{path}: is not as it was when the sweep was planned; {AGAIN}")


def _files(words: Iterable[Word], folder: Path) -> dict[Path, str]:
    """Return the files among words, sorted, each with its name and a hash of what it holds."""
    paths = {path for word in words if (path := _file(word, folder))}
    return {path: f"{_name(path, folder)}:{_hash(path)}" for path in sorted(paths)}


def _file(word: Word, folder: Path) -> Path | None:
    """Return the file that a word is: below the folder, or elsewhere if it may be code.

    A folder that Python can run stands for what it runs.
    """
    for name in (word.text, f"{word.text}/{_MAIN}"):
        if path := command_template.find_file(name, folder):
            return path
    elsewhere = Path(word.text)
    with suppress(OSError, ValueError):  # no name of a file: too long, or with a null
        if not word.is_program and elsewhere.is_absolute() and elsewhere.is_file():
            return elsewhere if elsewhere.stat().st_size <= LARGEST else None
    return None


def _name(path: Path, folder: Path) -> str:
    """Return the name of a file, the same wherever the folder lies."""
    top = folder.resolve()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else path.name


def _hash(path: Path) -> str:
    try:
        return kept_sha256(path)[:16]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; it is in the command") from None


def _is_free(name: str, text: str) -> bool:
    """Return whether a value could say what runs, as a number or a switch could not."""
    return name != FOLDER and text not in ("y", "n") and not number_range.is_number(text)
