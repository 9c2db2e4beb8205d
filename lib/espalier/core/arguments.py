"""Checks of what users pass to constructors: one line with the name, value and rule."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
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


def check_counts(**numbers: Any) -> None:
    """Raise what `check_count` does unless all of these are whole numbers from 1."""
    for name, number in numbers.items():
        check_count(name, number, 1)


def check_share(name: str, value: Any, *, with_0: bool = False, with_1: bool = False) -> None:
    """Raise TypeError unless `value` is a number, ValueError unless it is in (0, 1).

    With `with_0` and `with_1` that end of the range is allowed too. NaN is in no range.
    """
    check_number(name, value)
    if not (0 < value < 1 or (with_0 and value == 0) or (with_1 and value == 1)):
        bottom = "at least 0" if with_0 else "above 0"
        raise ValueError(
            f"{name}={value:g}: must be {bottom} and {'at most' if with_1 else 'below'} 1"
        )


def check_number(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}={value!r}: must be a number")


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(str, choices))}")


def check_names(kind: type, names: Iterable[str], valid: Collection[str]) -> None:
    """Raise TypeError for a name of an argument that is none of the `valid` ones of a class."""
    for name in names:
        if name not in valid:
            near = difflib.get_close_matches(name, valid, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise TypeError(
                f"{kind.__name__} has no argument {name!r}: {hint}it has {', '.join(valid)}"
            )
