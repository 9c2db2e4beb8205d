"""Functions and classes of a user, on their way from a notebook or a program to its workers.

What is defined there travels by value, what lies in a module by its name, with the folders in which
Python finds modules. A file of such code is a program: only those of the trees in use are read.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import cloudpickle

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.scripts.code_digest import digest

SUFFIX = ".pickle"
_REFUSALS = (
    *(pickle.PicklingError, TypeError, AttributeError, ValueError, LookupError, OSError),
    *(RuntimeError, AssertionError),  # RecursionError and NotImplementedError among them
)
"""What pickling raises, as each object refuses in a way of its own."""


def pack(item: object, name: str) -> tuple[bytes, str]:
    """Return `item` as bytes, and the digest of its code. Raises UserError that begins by `name`.

    The bytes differ from call to call, the digest only with what the code does.
    """
    folders = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100  # "" is this one
    try:
        code = cloudpickle.dumps(item)
        return pickle.dumps(folders) + code, digest(item)
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
    """Return the function or class in a file, the same whenever it is called."""
    with path.open("rb") as file:
        folders = pickle.load(file)  # a program, as all of the tree that it lies in
        sys.path += [folder for folder in folders if folder not in sys.path]
        return pickle.load(file)
