"""Checks of numbers that users pass to constructors: one line with the name, value and rule."""

from __future__ import annotations

from typing import Any


def check_count(name: str, value: Any, least: int) -> None:
    """Raise TypeError unless `value` is a whole number, ValueError if it is less than `least`."""
    check_whole(name, value)
    if value < least:
        raise ValueError(f"{name}={value}: must be at least {least}")


def check_whole(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r}: must be a whole number")


def check_share(name: str, value: Any, *, zero: bool = False, one: bool = False) -> None:
    """Raise TypeError unless `value` is a number, ValueError unless it is in (0, 1).

    With `zero` and `one` that end of the range is allowed too. NaN is in no range.
    """
    check_number(name, value)
    if not (0 < value < 1 or (zero and value == 0) or (one and value == 1)):
        bottom = "at least 0" if zero else "above 0"
        raise ValueError(
            f"{name}={value:g}: must be {bottom} and {'at most' if one else 'below'} 1"
        )


def check_number(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}={value!r}: must be a number")
