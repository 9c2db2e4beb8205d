"""The default of each symbol, by itself: the one that holds under no condition."""

from __future__ import annotations

import functools

import kconfiglib
from kconfiglib import Choice, Symbol

from espalier.core.trial_config import Config
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols


@functools.cache
def read() -> Config:
    """Return the defaults of the checkout's tree, without the symbols that have none."""
    symbols = Symbols(tree.parse())
    plain = {item.name: _of_symbol(item) for item in symbols.kconf.unique_defined_syms}
    choices = {name: _of_choice(symbols, choice) for name, choice in symbols.choices.items()}
    return Config({name: text for name, text in {**plain, **choices}.items() if text is not None})


def _of_symbol(symbol: Symbol) -> str | None:
    always = symbol.kconfig.y
    texts = [value.str_value for value, condition in symbol.orig_defaults if condition is always]
    if not texts and symbol.orig_type == kconfiglib.BOOL:
        return "n"
    return str(texts[-1]) if texts else None


def _of_choice(symbols: Symbols, choice: Choice) -> str | None:
    always = choice.kconfig.y
    plain = [member for member, condition in choice.orig_defaults if condition is always]
    member = plain[0] if plain else choice.syms[0]
    owner = symbols.owner(member.name)
    return owner[1] if owner else None
