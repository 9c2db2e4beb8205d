"""What a space says of one parameter: values to choose from, or an interval to draw from.

A list is a choice, a pair of integers all integers from one to the other, both included, a pair
of floats an interval. `{"type": ...}` says which it is: choice (with `values`), or randint,
uniform or loguniform (with `low` and `high`). Anything else is a constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any

from espalier.core.errors import UserError


@dataclass(frozen=True)
class Choices:
    """Values, each as likely as another; of `log` ones, integers, the law is log-uniform."""

    values: Sequence[Any]
    log: bool = False

    @cached_property
    def sums(self) -> Sequence[float]:
        """The probability of the first n values, for every n from 0."""
        if not self.log:
            return _Even(len(self.values))
        widths = [math.log1p(1 / value) for value in self.values]
        whole = math.fsum(widths)
        return [0.0, *(part / whole for part in accumulate(widths))]

    def mass(self, first: int, end: int) -> float:
        """Return the probability of `values[first:end]`."""
        return self.sums[end] - self.sums[first]


class _Even(Sequence[float]):
    """n / size for every n from 0 to size, without a list of them."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size + 1

    def __getitem__(self, place: Any) -> Any:
        return place / self._size


@dataclass(frozen=True)
class UniformRange:
    """Every number from `low` to `high`; uniform, or uniform in its logarithm."""

    low: float
    high: float
    log: bool = False

    def draw(self, random: Random) -> float:
        """Return a number with four significant digits, so that it can be read and typed."""
        if self.log:
            value = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = random.uniform(self.low, self.high)
        return min(max(float(f"{value:.4g}"), self.low), self.high)


Distribution = Choices | UniformRange


def read(name: str, given: Any, whole: bool) -> Distribution:
    """Return the distribution that `given` says, of integers where `whole`.

    Raises UserError for one that is unknown, empty or upside down.
    """
    if isinstance(given, dict):
        return _by_type(name, given, whole)
    if isinstance(given, list):
        return _listed(name, given)
    if isinstance(given, tuple):
        return _pair(name, given, whole)
    return Choices([given])


def whole_numbers(name: str, given: Any) -> Sequence[int]:
    """Return the integers that `given` lists, or a range of them. Raises UserError."""
    law = read(name, given, whole=True)
    if isinstance(law, UniformRange) or not all(isinstance(value, int) for value in law.values):
        raise UserError(f"parameter {name}={given!r}: must be integers")
    return law.values


def _listed(name: str, given: Sequence[Any]) -> Choices:
    if not given:
        raise UserError(f"parameter {name}=[]: an empty list has no value; give one or more")
    return Choices([value for place, value in enumerate(given) if value not in given[:place]])


def _pair(name: str, given: tuple[Any, ...], whole: bool) -> Distribution:
    kinds = {type(part) for part in given}
    if len(given) != 2 or not kinds <= {int, float}:
        raise UserError(f"parameter {name}={given}: must be (low, high); a choice is a list")
    return _bounded(name, *given, log=False, whole=whole or kinds == {int})


_KEYS = {"choice": {"values"}} | dict.fromkeys(
    ("randint", "uniform", "loguniform"), {"low", "high"}
)


def _by_type(name: str, given: dict[str, Any], whole: bool) -> Distribution:
    kind = given.get("type")
    if kind not in _KEYS:
        raise UserError(f"parameter {name}: type {kind!r}: must be one of {', '.join(_KEYS)}")
    if given.keys() != {"type"} | _KEYS[kind]:
        keys = " and ".join(sorted(_KEYS[kind], reverse=True))
        raise UserError(f"parameter {name}={given}: type {kind} needs {keys}, and nothing else")
    if kind == "choice":
        return _listed(name, given["values"])
    whole = whole or kind == "randint"
    return _bounded(name, given["low"], given["high"], log=kind == "loguniform", whole=whole)


def _bounded(name: str, low: Any, high: Any, log: bool, whole: bool) -> Distribution:
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, (int, float)) or not math.isfinite(end):
            raise UserError(f"parameter {name}: {end!r}: must be a finite number")
        if whole and end != int(end):
            raise UserError(f"parameter {name}: {end!r}: must be an integer")
    if low > high or (log and low <= 0):
        rule = "low must be above 0" if log and low <= 0 else "low must be at most high"
        raise UserError(f"parameter {name}=({low}, {high}): {rule}")
    if whole:
        return Choices(range(int(low), int(high) + 1), log)
    return UniformRange(low, high, log) if low < high else Choices([low])
