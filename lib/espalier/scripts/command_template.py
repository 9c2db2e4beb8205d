"""The command of a trial: a line with the names of symbols in braces, and the words it becomes.

It is split into words first, as a shell splits, and then each `{NAME}` becomes text within its
word. No shell reads it, so that no value can add a word or a command.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.trees import own_trees

SCRIPT, FOLDER = "SCRIPT", "SCRIPT_FOLDER"
PROGRAM = "the first word"
_BRACE = re.compile(r"\{\{|\}\}|\{(?:CONFIG_)?([A-Z][A-Z0-9_]*)\}|[{}]")
_WRITE = "write {NAME} for a symbol, {{ and }} for braces"


@functools.lru_cache(maxsize=1024)
def split(text: str) -> tuple[str, ...]:
    """Return the words of a command. Raises UserError if there is none, or a quote stays open."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise UserError(_fault(text, "a quote is not closed; close it")) from None
    if not words:
        raise UserError(_fault(text, 'there is no command; write one, as "python train.py"'))
    for name in _names(words[0]):
        if name != FOLDER:
            rule = f"{PROGRAM} is the program, and no value may say which one; name it"
            raise UserError(_fault(text, rule))
    return tuple(words)


def names(text: str) -> list[str]:
    """Return the symbols that a command names, each once. Raises UserError."""
    return list(dict.fromkeys(name for word in split(text) for name in _names(word)))


def fill(text: str, values: Mapping[str, str]) -> list[str]:
    """Return the words of a command with `values`. Raises KeyError for one that is not there."""
    return [_BRACE.sub(lambda match: _text(match, values), word) for word in split(text)]


def arguments(text: str, values: Mapping[str, str], folder: Path) -> list[str]:
    """Return the words of a command with `values`, its files as absolute paths.

    A word that is the name of a file below `folder`, or in a tree of one's own, is that file.
    Raises UserError for a name that `values` do not have.
    """
    try:
        return [str(find_file(word, folder) or word) for word in fill(text, values)]
    except KeyError as error:
        raise UserError(_fault(text, f"{{{error.args[0]}}} is no symbol of the trial")) from None


def find_file(word: str, folder: Path) -> Path | None:
    """Return the file that a word names below `folder` or in a tree of one's own, resolved."""
    for top in (folder, *own_trees.named()):
        try:
            path, within = (top / word).resolve(), top.resolve()
            if path.is_file() and path.is_relative_to(within):
                return path
        except (OSError, ValueError):  # no name of a file: too long, or with a null
            return None
    return None


def _text(match: re.Match[str], values: Mapping[str, str]) -> str:
    return values[match[1]] if match[1] else match[0][0]


def _names(word: str) -> Iterator[str]:
    """Yield the symbols that a word names. Raises UserError for a brace that is neither."""
    for match in _BRACE.finditer(word):
        if match[1]:
            yield match[1]
        elif len(match[0]) == 1:
            raise UserError(_fault(word, f"a brace stands alone; {_WRITE}"))


def _fault(text: str, rule: str) -> str:
    return f"CONFIG_{SCRIPT}={text}: {rule}"
