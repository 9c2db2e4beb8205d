"""Draw a random configuration that is valid and that its seed gives again."""

from __future__ import annotations

import random

import kconfiglib
from kconfiglib import Symbol

from espalier.core.errors import UserError
from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import AllowedRange, canonical

WIDEST_INT = 1000
WIDEST_FLOAT = 1.0
"""A number that may vary by more than this keeps its default: a uniform draw would say nothing."""


def seed(text: str) -> int:
    """Return the seed in `text`, decimal or 0x..., or a new one for an empty text.

    Raises UserError if `text` is not a number.
    """
    if not text:
        return random.SystemRandom().getrandbits(32)
    try:
        return int(text, 0)
    except ValueError:
        raise UserError(
            f"KCONFIG_SEED={text}: must be a whole number, such as 42 or 0x2a"
        ) from None


def randomise(symbols: Symbols, seed: int) -> None:
    """Draw every visible choice, bool and narrow number, in the order of the tree.

    Symbols outside a trial's identity (device, paths) keep their values.
    """
    rng = random.Random(seed)
    for name in symbols.identity:
        if assign.is_active(symbols, name):
            assign.put(symbols, name, _draw(symbols, name, rng))


def _draw(symbols: Symbols, name: str, rng: random.Random) -> str:
    match symbols.kind(name):
        case "choice":
            members = symbols.members(name)
            return rng.choice([value for value in members if members[value].visibility])
        case "bool":
            return rng.choice("ny")
        case "int":
            return _draw_int(symbols.item(name), rng)
        case "float":
            return _draw_float(symbols, name, rng)
    return assign.effective(symbols, name)


def _draw_int(symbol: Symbol, rng: random.Random) -> str:
    for low, high, condition in symbol.ranges:
        if kconfiglib.expr_value(condition):
            first, last = int(low.str_value), int(high.str_value)
            narrow = last - first <= WIDEST_INT
            return str(rng.randint(first, last)) if narrow else symbol.str_value
    return str(symbol.str_value)


def _draw_float(symbols: Symbols, name: str, rng: random.Random) -> str:
    interval = symbols.float_range(name)
    if not isinstance(interval, AllowedRange) or not interval.high - interval.low <= WIDEST_FLOAT:
        return assign.effective(symbols, name)
    number = interval.low  # an open end is drawn again
    while number == interval.low or number not in interval:
        number = round(rng.uniform(interval.low, interval.high), 4)
    return canonical("float", repr(number))
