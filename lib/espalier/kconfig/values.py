"""Canonical values: one text for each value, to be compared, hashed and written."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

_INT = re.compile(r"[+-]?[0-9]{1,1000}")  # Python itself reads no more than 4300 digits
_HEX = re.compile(r"(0[xX])?[0-9a-fA-F]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")  # all but the tab
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class AllowedRange:
    """The declared range of a float symbol, e.g. `[0, 1)`; an end may be infinite."""

    low: float
    high: float
    closed_low: bool
    closed_high: bool

    def __contains__(self, number: float) -> bool:
        above = number >= self.low if self.closed_low else number > self.low
        below = number <= self.high if self.closed_high else number < self.high
        return above and below

    def __str__(self) -> str:
        left, right = "(["[self.closed_low], ")]"[self.closed_high]
        return f"{left}{self.low:g}, {self.high:g}{right}"


@functools.lru_cache(maxsize=65536)
def canonical(kind: str, text: str) -> str:
    """Return the canonical spelling of `text` as a value of `kind`.

    A kind is bool, int, hex, float or string.

    `1e-4` and `0.0001` are the same float, `005` and `5` the same int. Floats are those of the
    machine: two decimals that round to the same double are one value. Raises ValueError, whose
    text is the rule, if `text` is no such value.
    """
    return _CANONICAL[kind](text)


def _bool(text: str) -> str:
    if text not in ("y", "n"):
        raise ValueError("must be y or n")
    return text


def _int(text: str) -> str:
    if not _INT.fullmatch(text):
        raise ValueError("must be a decimal integer")
    return str(int(text))


def _hex(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError("must be a hexadecimal integer such as 0x1f")
    return hex(int(text, 16))


def _float(text: str) -> str:
    if not _FLOAT.fullmatch(text) or math.isinf(number := float(text)):
        raise ValueError("must be a finite decimal number such as 0.001 or 1e-3")
    if number == 0:
        return "0"  # -0.0 too
    digits, _, exponent = repr(number).partition("e")
    return digits.removesuffix(".0") + (f"e{int(exponent)}" if exponent else "")


def _string(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be one line without control characters")
    return text


_CANONICAL = {"bool": _bool, "int": _int, "hex": _hex, "float": _float, "string": _string}
