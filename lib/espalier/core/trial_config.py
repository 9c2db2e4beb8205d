"""The effective values of one trial, as components read them.

There are no defaults here: to read a symbol that the trial does not have raises. Reads are
recorded, so that training can refuse a trial with a symbol that nothing reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Config:
    """Effective values by symbol, without `CONFIG_`. They are text until they are read.

    The text is canonical: `y` or `n`, decimal integers, decimal floats, plain strings.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._values

    def values(self) -> Mapping[str, str]:
        """Return everything as text, for those who count and do not configure by it."""
        return self._values

    def read(self, symbol: str, kind: type) -> Any:
        """Return the value of `symbol` as `kind`: bool, int, float or str.

        Raises KeyError if the trial has no such symbol, ValueError if it is not of that kind.
        """
        if symbol not in self._values:
            raise KeyError(f"CONFIG_{symbol} is read by the code but is not in the trial")
        self._read.add(symbol)
        text = self._values[symbol]
        if kind is bool:
            return {"y": True, "n": False}[text]
        return kind(text)

    def unread(self) -> list[str]:
        """Return the symbols that were never read, sorted."""
        return sorted(set(self._values) - self._read)
