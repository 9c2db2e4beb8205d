"""Files of tensors and plain data: written whole or not at all, read without running code."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError

MALFORMED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RuntimeError, TypeError, ValueError),
)
"""What comes of plain data and tensors that are not what the code that uses them expects."""
UNREADABLE = (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, struct.error, *MALFORMED)
"""What comes of a file that torch did not write so."""
LEVEL = 1
"""Of deflate. 6 makes networks of the digits 1 to 2 points of their size smaller, and is slower."""


def write(path: Path, record: Mapping[str, Any], compress: bool = False) -> None:
    """Write `record`: texts, numbers and tensors in dicts and lists. Raises OSError.

    `torch.load` reads the file either way, but cannot map it into memory if it is compressed.
    """
    with draft(path, sync=True) as place:
        with place.open("wb") as file:  # given a path, torch would write its name into the file
            torch.save(dict(record), file)
        if compress:
            _compress(place)


def _compress(path: Path) -> None:
    """Deflate the members of a file that torch.save wrote, a zip archive, in place."""
    data = io.BytesIO(path.read_bytes())
    with (
        zipfile.ZipFile(data) as stored,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))


def load(source: Path | io.BytesIO, device: str | None = None) -> Any:
    """Return what torch finds there, if it is tensors and plain data. Raises UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of pickles in a form that it does not write
        return torch.load(source, map_location=device, weights_only=True)


def read(path: Path) -> dict[str, Any]:
    """Return the record in a file, its tensors on the CPU. Raises UserError.

    Only tensors and plain data are read: a pickle of anything else is refused.
    """
    try:
        record = load(path, "cpu")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UNREADABLE as error:
        rule = "must be a file that torch.save wrote, whole, and of tensors and plain data such as "
        rule += "model.state_dict()"
        raise UserError(f"{path}: {rule} ({first_line(error)})") from None
    if not isinstance(record, dict):
        raise UserError(f"{path}: must hold a dict, not {type(record).__name__}")
    return record


def first_line(error: Exception) -> str:
    """Return what an error says, in one line of at most 120 characters."""
    text = str(error).rpartition("WeightsUnpickler error:")[2]  # torch's advice comes before it
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:120] if lines else type(error).__name__
