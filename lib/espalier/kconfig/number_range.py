"""Number ranges and intervals in exact decimals: `0.985:0.005:0.999` has no drift.

A range is a list of values. An interval, `0.001~0.1`, has no list: a sampler draws from it.
"""

from __future__ import annotations

import contextlib
import decimal
import math
from dataclasses import dataclass, replace
from decimal import Decimal

from espalier.kconfig.values import canonical

MAX_VALUES = 100_000
"""The most values of a line: a longer range is a slip of the pen."""

MAX_EXPONENT = 300
"""Of the numbers in a range: about what a float can hold. Their ratio stays within _DIGITS."""

_DIGITS = decimal.Context(prec=60, Emin=-10_000, Emax=10_000)
_REACHED = Decimal("1e-9")
"""The relative error at which a geometric range, whose factor may be rounded, reaches its end."""
_STEPS = 10_000
"""An interval is drawn from in decimal steps, of which it holds at least this many."""
_LONG = 6
"""Digits of a number from which on it is written with an exponent."""
SPAN = "~"
"""What stands between the ends of an interval."""


@dataclass(frozen=True)
class NumberInterval:
    """The numbers from `low` to `high`, both included, that an axis may take.

    With `log` they are even in the logarithm; with `whole` they are integers.
    """

    low: Decimal
    high: Decimal
    log: bool = False
    whole: bool = False

    def __str__(self) -> str:
        return f"{_short(self.low)}{SPAN}{'*' * self.log}{_short(self.high)}"

    def at(self, share: float) -> str:
        """Return the value at a share in [0, 1] of the way from the low end to the high one.

        Integers are equally likely under an even share, the ends too.
        """
        low, high = self._coordinates()
        number = low + share * (high - low)
        return self.nearest(math.exp(number) if self.log else number)

    def nearest(self, number: float) -> str:
        """Return the value nearest to a number: canonical, of few digits and between the ends."""
        rounded = Decimal(round(number)) if self.whole else self._rounded(number)
        kind = "int" if self.whole else "float"
        return canonical(kind, plain(min(max(rounded, self.low), self.high)))

    def share(self, value: str) -> float:
        """Return the share of the way at which a value lies: what `at` takes."""
        low, high = self._coordinates()
        number = math.log(float(value)) if self.log else float(value)
        return (number - low) / (high - low)

    def within(self, low: Decimal, high: Decimal) -> NumberInterval | None:
        """Return the part between two numbers; None if nothing of it is."""
        part = replace(self, low=max(self.low, low), high=min(self.high, high))
        return part if part.low <= part.high else None

    def _coordinates(self) -> tuple[float, float]:
        """Return the ends on the scale on which the values are even; integers have room around."""
        room = 0.5 if self.whole else 0
        ends = float(self.low) - room, float(self.high) + room
        return (math.log(ends[0]), math.log(ends[1])) if self.log else ends

    def _rounded(self, number: float) -> Decimal:
        """Return a multiple of a power of ten: the largest that parts the interval finely."""
        low, high = self._coordinates()
        width = (high - low) * (number if self.log else 1) or 1
        step = Decimal(1).scaleb(math.floor(math.log10(width / _STEPS)))
        with decimal.localcontext(_DIGITS):
            return Decimal(number).quantize(step)


def is_interval(text: str) -> bool:
    """Return whether `text` is meant as an interval: a `~` behind a number, in any of its parts."""
    parts = (part.partition(SPAN)[0] for part in text.split("|") if SPAN in part)
    return any(is_number(first.strip().rstrip("*")) for first in parts)


def interval(text: str, whole: bool) -> NumberInterval:
    """Return the interval `low~high`, or `low~*high` for one that is even in the logarithm.

    Raises ValueError, whose text is the rule that is broken.
    """
    if "|" in text:
        raise ValueError("an interval has no other values beside it")
    first, _, last = (part.strip() for part in text.partition(SPAN))
    log = last.startswith("*")
    if first.endswith("*"):
        raise ValueError(f"the form is low~*high, as in {first.rstrip('*')}{SPAN}*{last}")
    made = NumberInterval(_part(first), _part(last.removeprefix("*")), log, whole)
    _check_ends(made)
    return made


def _check_ends(made: NumberInterval) -> None:
    ends = (made.low, made.high)
    if made.low >= made.high:
        if made.low == made.high:
            raise ValueError(f"both ends are the same; write {plain(made.low)} for one value")
        fix = replace(made, low=made.high, high=made.low)
        raise ValueError(f"the interval is empty; write {fix}")
    if made.log and made.low <= 0:
        rule = "an interval that is even in the logarithm needs ends above 0"
        raise ValueError(f"{rule}; raise them, or write {replace(made, log=False)}")
    if made.whole and any(end != int(end) for end in ends):
        raise ValueError("the ends must be integers")


def _short(number: Decimal) -> str:
    text = plain(number)
    return text if len(text) <= _LONG else f"{number.normalize():e}".replace("e+", "e")


def is_number(text: str) -> bool:
    """Return whether `text` is a finite decimal or a `0x` integer."""
    try:
        return _number(text).is_finite()
    except (decimal.InvalidOperation, ValueError):
        return False


def is_range(text: str) -> bool:
    """Return whether `text` is meant as a range: `a:b:c` with a number at an end, or numbers `a:b`.

    `cuda:0` and `http://host:80/x` are not.
    """
    ends = [is_number(part.strip()) for part in text.split(":")]
    return (len(ends) == 3 and (ends[0] or ends[2])) or (len(ends) == 2 and all(ends))


def expand(text: str) -> list[str]:
    """Return the values of `start:step:end` or `start:*factor:end`, both ends included.

    Raises ValueError, whose text is the rule that is broken.
    """
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise ValueError('a range is start:step:end or start:*factor:end; quote it ("...") if text')
    if parts[2].startswith("*"):
        raise ValueError(f"the order is start:*factor:end, as in {_reordered(parts)}")
    numbers = _numbers(*parts)
    if len(numbers) == 1 and numbers[0] != _part(parts[2]):
        raise ValueError(_only_its_start(parts))
    if _is_hex(parts[0]) and _is_hex(parts[2]):
        return [_hex(number) for number in numbers]
    return [plain(number) for number in numbers]


def _numbers(start: str, step: str, end: str) -> list[Decimal]:
    expand_steps = _geometric if step.startswith("*") else _arithmetic
    first, by, last = _part(start), _part(step.removeprefix("*")), _part(end)
    with decimal.localcontext(_DIGITS):
        return expand_steps(first, by, last)


def _only_its_start(parts: list[str]) -> str:
    """Return the rule that a range broke whose first step leads beyond its end.

    It was mostly meant as numpy and others have it: start:end:step.
    """
    order = f"start:{'*factor' if parts[1].startswith('*') else 'step'}:end"
    rule = f"one value, {parts[0]}: the first step leads beyond the end; the order is {order}"
    with contextlib.suppress(ValueError):
        if len(_numbers(parts[0], parts[2], parts[1])) > 1:
            return f"{rule}, as in {_reordered(parts)}"
    return f"{rule}; write {parts[0]} for one value"


def _reordered(parts: list[str]) -> str:
    return ":".join([parts[0], parts[2], parts[1]])


def _hex(number: Decimal) -> str:
    if number != int(number):
        raise ValueError("the step between 0x numbers must be whole")
    return hex(int(number))


def plain(number: Decimal) -> str:
    """Return a number as decimal text without exponent or trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _arithmetic(start: Decimal, step: Decimal, end: Decimal) -> list[Decimal]:
    if step == 0:
        raise ValueError("the step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"the range is empty: a step of {plain(step)} leads away from its end")
    steps = (end - start) / step
    check_count(steps)
    return [start + i * step for i in range(int(steps) + 1)]


def _geometric(start: Decimal, factor: Decimal, end: Decimal) -> list[Decimal]:
    if factor <= 0 or factor == 1:
        raise ValueError("the factor must be above 0 and not 1")
    if start * end <= 0:
        raise ValueError("a geometric range needs ends above 0 (or both below)")
    ratio = end / start
    if (ratio - 1) * (factor - 1) < 0:
        raise ValueError(f"the range is empty: a factor of {plain(factor)} leads away from its end")
    check_count(ratio.ln() / factor.ln())
    return _powers(start, factor, end)


def _powers(start: Decimal, factor: Decimal, end: Decimal) -> list[Decimal]:
    numbers = []
    number = start
    slack = abs(end) * _REACHED
    while abs(number - end) > slack and (end - number) * (factor - 1) * start > 0:
        numbers.append(number)
        number *= factor
    if abs(number - end) <= slack:
        numbers.append(end)
    return numbers


def check_count(values: int | Decimal) -> None:
    """Raise ValueError if a line has too many values."""
    if values > MAX_VALUES:
        raise ValueError(f"too many values; at most {MAX_VALUES} are allowed")


def _part(text: str) -> Decimal:
    if not is_number(text):
        raise ValueError(f'{text!r} in the range is not a number; quote the value ("...") if text')
    number = _number(text)
    if number and abs(number.adjusted()) > MAX_EXPONENT:
        raise ValueError(
            f"each number must be 0 or of a size in [1e-{MAX_EXPONENT}, 1e{MAX_EXPONENT}]"
        )
    return number


def _is_hex(text: str) -> bool:
    return text.lower().startswith("0x")


def _number(text: str) -> Decimal:
    if "_" in text:
        raise ValueError("no digit separators")
    return Decimal(int(text, 16)) if _is_hex(text) else Decimal(text)
