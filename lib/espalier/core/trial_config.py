"""The one door of configuration into training: the effective values of one trial.

No default lives here and none is taken on a missing symbol: a component that asks for a symbol
its own fragment does not define is a defect and raises. Reads are recorded, so that the engine
can refuse to train when a symbol of the trial was never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Config:
    """Effective values by symbol name (no `CONFIG_` prefix), typed on reading.

    Values are canonical text: `y`/`n`, decimal integers, decimal floats, plain strings.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._values

    def read(self, symbol: str, kind: type) -> Any:
        """The value of `symbol` as `kind` (bool, int, float or str).

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
        """Symbols that nothing has asked for, sorted."""
        return sorted(set(self._values) - self._read)
