"""Values of Python as range files spell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from espalier.core.errors import UserError
from espalier.core.text_files import split_lines
from espalier.kconfig.range_file import PREFIX, quote


def range_text(values: Mapping[str, Any]) -> str:
    """Return the text of a range file with a line for each symbol. Raises UserError.

    A text stands as it is, with the ranges in it; the elements of a list are taken literally.
    """
    return "\n".join(_line(name, value) for name, value in values.items())


def _line(name: str, value: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise UserError(f"range: {name!r}: must be the name of a symbol, such as LEARNING_RATE")
    symbol = name.removeprefix(PREFIX)
    if isinstance(value, str):
        text = value
    elif isinstance(value, Iterable):
        text = "|".join(_element(symbol, each) for each in value)
    else:
        text = _element(symbol, value)
    if len(split_lines(text)) > 1:
        raise UserError(f"range: CONFIG_{symbol}={text!r}: must be one line")
    return f"{PREFIX}{symbol}={text}"


def _element(symbol: str, value: Any) -> str:
    """Return one value as an element that nothing splits."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, bool):
        return "y" if plain else "n"
    if isinstance(plain, int | float):
        return repr(plain)
    if isinstance(plain, str):
        return quote(plain)
    rule = "must be a number, a text, True or False, or a list of these"
    raise UserError(f"range: CONFIG_{symbol}={plain!r:.60}: {rule}")
