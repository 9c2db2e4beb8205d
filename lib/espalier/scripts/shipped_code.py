"""Functions and classes of a user, on their way from a notebook or a program to its workers.

What is defined there travels by value, what lies in a module by its name, with the folders in which
Python finds modules. A file of such code is a program: only those of the trees in use are read.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.file_digest import file_sha256
from espalier.scripts.code_digest import trace

SUFFIX = ".pickle"
_REFUSALS = (
    *(pickle.PicklingError, TypeError, AttributeError, ValueError, LookupError, OSError),
    *(RuntimeError, AssertionError),  # RecursionError and NotImplementedError among them
)
"""What pickling raises, as each object refuses in a way of its own."""


def pack(item: object, name: str) -> tuple[bytes, str]:
    """Return `item` as bytes, and the digest of its code. Raises UserError that begins by `name`.

    The bytes differ from call to call, the digest only with what the code does, and with the files
    of the user's modules.
    """
    folders = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100  # "" is this one
    try:
        code, traced = cloudpickle.dumps(item), trace(item)
        return pickle.dumps((folders, traced.files)) + code, traced.digest
    except _REFUSALS as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{name}: cannot be sent to worker processes: {why}; make such an object inside of it"
        ) from error


def write(path: Path, code: bytes) -> None:
    """Write what `pack` returned. Raises OSError."""
    with draft(path) as place:
        place.write_bytes(code)


@functools.cache
def load(path: Path) -> Any:
    """Return the function or class in a file, the same whenever it is called.

    Raises UserError if a module that it is in has changed since.
    """
    with path.open("rb") as file:
        folders, files = pickle.load(file)  # a program, as all of the tree that it lies in
        _check_unchanged({path.parent / name: digest for name, digest in files.items()})
        places = [str(path.parent / folder) for folder in folders]
        sys.path += [place for place in places if place not in sys.path]
        return pickle.load(file)


def modules(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return where the code in a file finds modules: folders, and the user's files, hashed."""
    with path.open("rb") as file:
        folders, files = pickle.load(file)
    return folders, files


def moved(path: Path, folders: Sequence[str], files: Mapping[str, str]) -> bytes:
    """Return the content of a file with other places of its modules; relative: to its folder."""
    with path.open("rb") as file:
        pickle.load(file)
        return pickle.dumps(([*folders], {**files})) + file.read()


def _check_unchanged(files: Mapping[Path, str]) -> None:
    for path, digest in files.items():
        if not path.is_file() or file_sha256(path) != digest:
            raise UserError(f"{path}: is not as it was when the sweep began; begin another")
