"""Read pickles of plain data and numpy arrays of any origin, without running what they hold.

A pickle is a program. It can name any function of any module and have it called. Here the names of
numpy's arrays stand for functions of this file, which build arrays of numbers from bytes. Every
other name is refused, and numpy's own reading of its types is not used: it trusts what it is given.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

_NUMBERS = re.compile(r"[|<>=]?(b1|[iu][1248]|f[248])")
_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy._core.numeric")
"""Where numpy 1 and 2 have the functions that their pickles name."""


class _Type:
    """A type of numbers that a pickle describes."""

    def __init__(self, code: Any) -> None:
        if not (isinstance(code, str) and _NUMBERS.fullmatch(code)):
            raise pickle.UnpicklingError(f"holds an array of {code!r}, not of numbers")
        self.type = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Take over the order of bytes; the rest is of types that are no numbers."""
        _, order, *parts = state
        if order not in ("|", "<", ">", "=") or any(parts[:3]):
            raise pickle.UnpicklingError("holds an array of something else than numbers")
        self.type = self.type.newbyteorder(order)


class _Array:
    """An array that a pickle describes; `value` is the array once it is read."""

    value: Any = None

    def __setstate__(self, state: Any) -> None:
        """Take over shape, type, order and bytes."""
        _, shape, kind, fortran, data = state
        self.value = _from_bytes(data, kind, shape, "F" if fortran else "C")


def _from_bytes(data: Any, kind: Any, shape: Any, order: Any) -> Any:
    """Return an array of numbers; a text, as Python 2 wrote bytes, counts as its bytes."""
    content = data.encode("latin1") if isinstance(data, str) else bytes(memoryview(data))
    array = np.frombuffer(content, kind.type).copy()  # one that can be written to
    return array.reshape([int(size) for size in shape], order="F" if order == "F" else "C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    """Return an array whose content follows."""
    del kind, shape, code
    return _Array()


def _type(code: Any, align: Any, copy: Any) -> _Type:
    """Return a type of numbers."""
    del align, copy
    return _Type(code)


def _scalar(kind: Any, data: Any) -> Any:
    """Return a number of numpy's as Python's own."""
    return _from_bytes(data, kind, (), "C").item()


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any) -> _Array:
    """Return an array of bytes that came before, as protocol 5 writes it."""
    array = _Array()
    array.value = _from_bytes(data, kind, shape, order)
    return array


def _encode(text: Any, encoding: Any) -> bytes:
    """Return the bytes of a text in Latin-1, as Python 3 writes bytes in old protocols."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"holds a text in {encoding!r}, not in 'latin1'")
    return str.encode(text, "latin1")


_READERS: dict[tuple[str, str], Any] = {
    **{(module, "_reconstruct"): _reconstruct for module in _MODULES},
    **{(module, "scalar"): _scalar for module in _MODULES},
    **{(module, "_frombuffer"): _frombuffer for module in _MODULES},
    ("numpy", "dtype"): _type,
    ("numpy", "ndarray"): "ndarray",  # only an argument
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows arrays of numbers and nothing else by name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the reader of a part of an array. Raises UnpicklingError for any other name."""
        if (module, name) not in _READERS:
            raise pickle.UnpicklingError(
                f"names {module}.{name}, which could run code: only numbers, texts, lists, dicts "
                "and numpy arrays of numbers are read"
            )
        return _READERS[module, name]


def read(path: Path) -> dict[str, Any]:
    """Return the dict in a file, with its texts and bytes of Python 2 as Latin-1.

    Raises UnpicklingError, and what damaged pickles raise, for anything but plain data.
    """
    with path.open("rb") as file:
        content = _Reader(file, encoding="latin1").load()
    if not isinstance(content, dict):
        raise pickle.UnpicklingError(f"holds a {type(content).__name__}, not a dict")
    return {key: _plain(value) for key, value in content.items()}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value
