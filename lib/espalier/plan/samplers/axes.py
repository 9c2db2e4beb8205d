"""The axes of a space, and what a sampler may choose on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from espalier.kconfig.number_range import NumberInterval
from espalier.kconfig.requests import Request
from espalier.kconfig.symbols import Symbols

Options = tuple[str, ...] | NumberInterval
"""What an axis may be at some place: so many values, or the numbers of an interval."""


class AxisKind(StrEnum):
    """How the values of an axis lie to each other."""

    CATEGORICAL = "categorical"  # listed, without an order
    ORDERED = "ordered"  # listed numbers, ascending: steps of a list count, whatever their size
    INTEGER = "integer"  # an interval of integers
    FLOAT = "float"  # an interval of decimals


@dataclass(frozen=True)
class Axis:
    """A symbol that varies, and all values that it has anywhere in the space."""

    name: str  # without CONFIG_
    kind: AxisKind
    options: Options

    @property
    def log(self) -> bool:
        """Whether it is an interval that is even in the logarithm."""
        return isinstance(self.options, NumberInterval) and self.options.log


Choose = Callable[[Axis, Options], str]
"""A function that picks one of the options of an axis: a value of the list or of the interval."""


def at_share(options: Options, share: float) -> str:
    """Return the value at a share in [0, 1) of the options: each of a list has an equal part."""
    if isinstance(options, NumberInterval):
        return options.at(share)
    return options[int(share * len(options))]


def axis_of(symbols: Symbols, request: Request) -> Axis:
    """Return the axis of a request that has several values or an interval."""
    kind = symbols.kind(request.name)
    if request.interval is not None:
        is_whole = request.interval.whole
        continuous = AxisKind.INTEGER if is_whole else AxisKind.FLOAT
        return Axis(request.name, continuous, request.interval)
    if kind in ("int", "hex", "float"):
        return Axis(request.name, AxisKind.ORDERED, tuple(sorted(request.values, key=_number)))
    return Axis(request.name, AxisKind.CATEGORICAL, request.values)


def _number(text: str) -> float:
    return float(int(text, 16)) if text.startswith("0x") else float(text)
