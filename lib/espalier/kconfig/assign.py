"""Assign values to a Kconfig tree, and report which of them take effect.

That kconfiglib's `set_value()` returns True means only that a value is well-formed. The tree then
says what came of it: a symbol is INACTIVE if its dependencies hide it; a value is INVALID if its
symbol is visible and has another value; else the value takes effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import kconfiglib
from kconfiglib import Choice, Symbol

from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical

if TYPE_CHECKING:
    from espalier.kconfig.requests import Request

DEFAULT = "(default)"
"""The value of a choice that stands for its default member."""


def put(symbols: Symbols, name: str, value: str) -> None:
    """Assign `value`, which must be of its kind, to `name`."""
    item = symbols.item(name)
    if isinstance(item, Symbol):
        item.set_value(value)
    elif value == DEFAULT:
        item.unset_value()
    elif item.user_selection is not (member := symbols.members(name)[value]):
        member.set_value("y")


def is_active(symbols: Symbols, name: str) -> bool:
    """Return whether `name` is visible now."""
    return bool(symbols.item(name).visibility)


def effective(symbols: Symbols, name: str) -> str:
    """Return the canonical value that `name` has now; empty for a choice without a selection."""
    item = symbols.item(name)
    if isinstance(item, Choice):
        return symbols.owner(item.selection.name)[1] if item.selection else ""  # type: ignore[index]
    text = item.str_value
    return canonical(symbols.kind(name), text) if text else ""


def holds(symbols: Symbols, request: Request, value: str) -> bool:
    """Return whether a requested value is in effect now."""
    now = effective(symbols, request.name)
    return now not in request.excluded if value == DEFAULT else now == value


def overruled(
    symbols: Symbols,
    requests: Iterable[Request],
    given: Mapping[str, str],
    config: Mapping[str, str],
) -> str:
    """Return what a later assignment undid, such as by a select; empty if all of it holds.

    `given` are the values of the requests that were active, `config` is what came of them.
    """
    for request in requests:
        value = given.get(request.name)
        if value is None or config.get(request.name) == value:
            continue
        if not holds(symbols, request, value):
            return f"CONFIG_{request.name}={value} is overruled by another symbol"
    return ""


def whole_range(symbols: Symbols, name: str) -> tuple[str, str] | None:
    """Return the ends that an integer symbol must lie between now; None where there are none."""
    for low, high, condition in symbols.item(name).ranges:
        if kconfiglib.expr_value(condition):
            return low.str_value, high.str_value
    return None


def effective_config(symbols: Symbols, names: Iterable[str]) -> dict[str, str]:
    """Return the canonical values of those of `names` that are active now.

    What is absent at its value is left out, as the path of a file where none is given.
    """
    values = {n: effective(symbols, n) for n in names if symbols.item(n).visibility}
    return without_absent(symbols, values)


def without_absent(symbols: Symbols, config: Mapping[str, str]) -> dict[str, str]:
    """Return a configuration without the symbols that it does not have at their values."""
    return {n: value for n, value in config.items() if symbols.absent.get(n) != value}


def load(symbols: Symbols, config: Mapping[str, str]) -> None:
    """Assign every value of `config`, as `effective_config` returned it, perhaps of another tree.

    Raises UserError for a symbol, or a member of a choice, that this tree does not have.
    """
    absent = {name: value for name, value in symbols.absent.items() if name not in config}
    for name, value in {**absent, **config}.items():
        try:
            put(symbols, name, value)
        except KeyError:
            raise UserError(
                f"CONFIG_{name}={value}: not in this Kconfig tree; check out the commit that it is "
                f"from, or plan again with {MAKE} sweep-generate"
            ) from None


def why_inactive(symbols: Symbols, name: str) -> str:
    """Return what would have to hold for `name` to be visible."""
    if not symbols.has_prompt(name):
        return "it has no prompt: other symbols set it"
    return _unmet(symbols.item(name))


def why_invalid(symbols: Symbols, name: str, value: str) -> str:
    """Return why an active `name` does not take `value`."""
    item = symbols.item(name)
    if isinstance(item, Choice):
        return _why_not_selected(symbols, name, value)
    for low, high, condition in item.ranges:
        if kconfiglib.expr_value(condition):
            return f"must be in [{low.str_value}, {high.str_value}]{_while(item, condition)}"
    return f"stays {item.str_value!r}: another symbol forces it"


def _while(item: Symbol, condition: object) -> str:
    """Return the conditions of a range that its symbol does not have too."""
    shared = [*kconfiglib.split_expr(item.direct_dep, kconfiglib.AND), item.kconfig.y]
    parts = kconfiglib.split_expr(condition, kconfiglib.AND)
    own = [_describe(part) for part in parts if part not in shared]
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
