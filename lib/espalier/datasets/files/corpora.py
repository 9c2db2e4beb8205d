"""The texts that every Python ships, tiny Shakespeare, and any file, as strings.

Prose is the language reference that `help()` shows (`pydoc_data.topics`), code the sources of a few
modules of the standard library, and the library the sources of nearly all. They differ between
versions of Python. Nothing here imports torch, so that a plan can count characters.
"""

from __future__ import annotations

import hashlib
import importlib
import sysconfig
from collections.abc import Callable
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.own_path import own_path

CODE_CHARACTERS = 1_000_000
MODULES = (
    *("argparse", "ast", "calendar", "configparser", "contextlib", "csv", "dataclasses"),
    *("difflib", "doctest", "enum", "fractions", "functools", "inspect", "ipaddress"),
    *("mailbox", "optparse", "os", "pickle", "pickletools"),
)
"""Modules that are one file in every Python from 3.11 on, more than are needed of each version."""
LIBRARY_CHARACTERS = 6_000_000
LEFT_OUT = {
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip"),
    *("distutils", "lib2to3", "encodings", "pydoc_data", "site-packages", "dist-packages"),
}
"""Parts that many installations lack, that are tables rather than text, or that are no Python's."""
BUILT = ("_sysconfigdata", "config-")
"""How what a build wrote begins: it has paths of the machine in it."""
SHAKESPEARE = "tinyshakespeare.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def read_corpus(name: str, file: str | None, data_dir: Path) -> str:
    """Return a text by its name. Raises UserError if it is not there."""
    readers: dict[str, Callable[[], str]] = {
        "prose": prose,
        "code": code,
        "library": library,
        "shakespeare": lambda: shakespeare(data_dir / SHAKESPEARE),
        "file": lambda: any_file(data_dir, file or ""),
    }
    return readers[name]()


def prose() -> str:
    """Return all topics of Python's language reference, in the order of their names."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise UserError(
            "this Python lacks pydoc_data.topics, the default prose; install the whole standard "
            "library or set CONFIG_TEXT_CORPUS_FILE=y"
        ) from None
    return "\n".join(topics[name] for name in sorted(topics))


def code() -> str:
    """Return the first CODE_CHARACTERS characters of the modules' sources, one after the other."""
    folder = Path(sysconfig.get_path("stdlib"))
    text = "\n".join(_read(folder / f"{name}.py") for name in MODULES)
    return text[:CODE_CHARACTERS]


def library() -> str:
    """Return the first LIBRARY_CHARACTERS characters of the library's sources, by their paths.

    A file with a character that is no ASCII is left out, so that few kinds of them occur. Raises
    UserError if this Python has less.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    sources = (path.read_bytes() for path in _sources(folder))
    text = "\n".join(source.decode("ascii") for source in sources if source.isascii())
    if len(text) < LIBRARY_CHARACTERS:
        lack = f"{len(text):,} characters of the standard library's sources, not the"
        fix = "install the whole standard library or set CONFIG_TEXT_CORPUS_CODE=y"
        raise UserError(f"{folder}: has {lack} {LIBRARY_CHARACTERS:,} that are read; {fix}")
    return text[:LIBRARY_CHARACTERS]


def _sources(folder: Path) -> list[Path]:
    """Return the modules of the standard library that are read, in the order of their paths."""
    tops = [each for each in folder.iterdir() if not each.name.startswith(BUILT)]
    folders = [each for each in tops if each.is_dir() and each.name not in LEFT_OUT]
    paths = [each for each in tops if each.suffix == ".py"]
    paths += [path for each in folders for path in each.rglob("*.py")]
    parts = {path.relative_to(folder).parts: path for path in paths}
    return [parts[each] for each in sorted(parts) if not LEFT_OUT & {*each}]


def shakespeare(path: Path) -> str:
    """Return the published text; raise UserError if the checksum is another one."""
    text = _read(path)
    if hashlib.sha256(text.encode()).hexdigest() != SHAKESPEARE_SHA256:
        raise UserError(
            f"{path}: damaged or not the published file (its SHA-256 is not "
            f"{SHAKESPEARE_SHA256}); put that file there, or read this one with CONFIG_TEXT_FILE"
        )
    return text


def any_file(data_dir: Path, name: str) -> str:
    """Return the text of the file `name`, relative to `data_dir` unless it is absolute."""
    return _read(own_path(data_dir, name, "CONFIG_TEXT_FILE", "a text in UTF-8"))


def _read(path: Path) -> str:
    """Return text as it is on disk, with its line ends."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not text in UTF-8 (byte {error.start}); convert it to UTF-8"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror or error}; put the text there: it is never downloaded"
        ) from None
