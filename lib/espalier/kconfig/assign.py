"""Assigning values and finding out what became of them.

`set_value()` returning True means only that a value is well-formed. Whether it takes is asked of
the tree afterwards: a name is INACTIVE if nothing shows it, a value INVALID if it is shown and
does not stick, and otherwise it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import kconfiglib
from kconfiglib import Choice, Symbol

from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical

DEFAULT = "(default)"
"""Asked of a choice: the member that it selects when nobody says."""


def put(symbols: Symbols, name: str, value: str) -> None:
    """Set the user's value of `name`; `value` must be of its kind."""
    item = symbols.item(name)
    if isinstance(item, Symbol):
        item.set_value(value)
    elif value == DEFAULT:
        item.unset_value()
    elif item.user_selection is not (member := symbols.members(name)[value]):
        member.set_value("y")


def is_active(symbols: Symbols, name: str) -> bool:
    """Whether the tree shows `name` to a user now."""
    return bool(symbols.item(name).visibility)


def effective(symbols: Symbols, name: str) -> str:
    """The canonical value that `name` has now; empty for a choice without a selection."""
    item = symbols.item(name)
    if isinstance(item, Choice):
        return symbols.owner(item.selection.name)[1] if item.selection else ""  # type: ignore[index]
    text = item.str_value
    return canonical(symbols.kind(name), text) if text else ""


def effective_config(symbols: Symbols, names: Iterable[str]) -> dict[str, str]:
    """The canonical values of those of `names` that are active now."""
    return {n: effective(symbols, n) for n in names if symbols.item(n).visibility}


def load(symbols: Symbols, config: Mapping[str, str]) -> None:
    """Set every value of `config`, as `effective_config` gave it."""
    for name, value in config.items():
        put(symbols, name, value)


def why_inactive(symbols: Symbols, name: str) -> str:
    """What would have to hold for `name` to be shown."""
    if not symbols.has_prompt(name):
        return "it has no prompt: other symbols set it"
    return _unmet(symbols.item(name))


def why_invalid(symbols: Symbols, name: str, value: str) -> str:
    """Why an active `name` does not take `value`."""
    item = symbols.item(name)
    if isinstance(item, Choice):
        return _why_not_selected(symbols, name, value)
    for low, high, condition in item.ranges:
        if kconfiglib.expr_value(condition):
            return f"must be in [{low.str_value}, {high.str_value}]{_while(item, condition)}"
    return f"stays {item.str_value!r}: another symbol forces it"


def _while(item: Symbol, condition: object) -> str:
    """What a range depends on beside what its symbol does."""
    known = kconfiglib.split_expr(item.direct_dep, kconfiglib.AND)
    parts = kconfiglib.split_expr(condition, kconfiglib.AND)
    own = [_describe(part) for part in parts if part not in known and part is not item.kconfig.y]
    return f" while {' and '.join(own)}" if own else ""


def _why_not_selected(symbols: Symbols, name: str, value: str) -> str:
    if value == DEFAULT:
        return "is the default of its choice: say which other member is meant"
    member = symbols.members(name)[value]
    if not member.visibility:
        return _unmet(member)
    return f"another member of the choice is selected: {effective(symbols, name)}"


def _unmet(item: Symbol | Choice) -> str:
    conditions = [node.prompt[1] for node in item.nodes if node.prompt]
    parts = kconfiglib.split_expr(conditions[0], kconfiglib.AND)
    unmet = [p for p in parts if not isinstance(p, Choice) and not kconfiglib.expr_value(p)]
    if not unmet:  # a member of a choice that is itself off
        return _unmet(item.choice)
    return "needs " + " and ".join(dict.fromkeys(map(_describe, unmet)))


def _describe(expression: object) -> str:
    text: str = kconfiglib.expr_str(expression, _with_prefix)
    if isinstance(expression, tuple) and expression[0] == kconfiglib.OR:
        text = f"({text})"
    if isinstance(expression, Symbol) and not any(node.prompt for node in expression.nodes):
        text += _brought_by(expression)
    return text


def _brought_by(symbol: Symbol) -> str:
    selections = kconfiglib.split_expr(symbol.rev_dep, kconfiglib.OR)
    selectors = [kconfiglib.split_expr(part, kconfiglib.AND)[0] for part in selections]
    names = sorted({f"CONFIG_{item.name}" for item in selectors if item.nodes})
    if not names:
        return ""
    more = f" or {len(names) - 2} more" if len(names) > 2 else ""
    return f" (which {' or '.join(names[:2])}{more} brings)"


def _with_prefix(item: Symbol | Choice) -> str:
    plain = kconfiglib.standard_sc_expr_str(item)
    return f"CONFIG_{plain}" if isinstance(item, Symbol) and item.nodes else str(plain)
