"""The default of each symbol, by itself: the one that holds under no condition."""

from __future__ import annotations

import functools
from collections.abc import Mapping

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


@functools.cache
def brought_by(member: str) -> Mapping[str, str]:
    """Return the defaults, by symbol or choice, that hold because of what `member` selects."""
    symbols = Symbols(tree.parse())
    selected = _selected_by(symbols.item(member))
    brought: dict[str, str] = {}
    for item in [*symbols.kconf.unique_defined_syms, *symbols.choices.values()]:
        values = [value for value, condition in item.orig_defaults if condition in selected]
        if values:
            owner = symbols.owner(values[0].name) if isinstance(item, Choice) else None
            brought[item.name] = owner[1] if owner else values[0].str_value
    return brought


def _selected_by(symbol: Symbol) -> set[Symbol]:
    """Return the symbols that `symbol` selects, by others too."""
    direct = [selected for selected, _ in symbol.selects]
    return set(direct).union(*map(_selected_by, direct))


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
