"""The texts that every Python ships, tiny Shakespeare, and any file, as strings.

Prose is the language reference that `help()` shows (`pydoc_data.topics`), code the sources of a few
modules of the standard library. Both differ between versions of Python. Nothing here imports torch,
so that a plan can count characters.
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
SHAKESPEARE = "tinyshakespeare.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def read_corpus(name: str, file: str | None, data_dir: Path) -> str:
    """Return a text by its name. Raises UserError if it is not there."""
    readers: dict[str, Callable[[], str]] = {
        "prose": prose,
        "code": code,
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
