"""Functions and classes of a user, on their way from a notebook or a program to its workers.

What is defined there travels by value, what lies in a module by its name, with the folders in which
Python finds modules. A file of such code is a program: only those of the trees in use are read.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
from collections.abc import Mapping
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
        _check_unchanged(files)
        sys.path += [folder for folder in folders if folder not in sys.path]
        return pickle.load(file)


def _check_unchanged(files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        path = Path(name)
        if not path.is_file() or file_sha256(path) != digest:
            raise UserError(f"{name}: is not as it was when the sweep began; begin another")
