"""Expand number ranges in exact decimals: `0.985:0.005:0.999` has no drift and loses no value."""

from __future__ import annotations

import contextlib
import decimal
from decimal import Decimal

MAX_VALUES = 100_000
"""The most values of a line: a longer range is a slip of the pen."""

MAX_EXPONENT = 300
"""Of the numbers in a range: about what a float can hold. Their ratio stays within _DIGITS."""

_DIGITS = decimal.Context(prec=60, Emin=-10_000, Emax=10_000)
_REACHED = Decimal("1e-9")
"""The relative error at which a geometric range, whose factor may be rounded, reaches its end."""


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
