"""Check the Kconfig tree by itself: what is undefined, undocumented or misspelt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

import kconfiglib
from kconfiglib import Choice, Kconfig, MenuNode, Symbol

from espalier.kconfig import marks, values

Item: TypeAlias = Symbol | Choice

_NUMBER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)")


def findings(kconf: Kconfig) -> Iterator[str]:
    """Yield `file:line: what is wrong` for every node and symbol of the tree."""
    yield from (warning.replace("\n", " ") for warning in kconf.warnings)
    for node in kconf.node_iter():
        yield from (f"{place(node)}: {text}" for text in _undefined(kconf, node))
        if isinstance(node.item, (Symbol, Choice)):
            yield from (f"{place(node)}: {text}" for check in _CHECKS for text in check(node))


def place(node: MenuNode) -> str:
    """Return `file:line` of a node."""
    return f"{node.filename}:{node.linenr}"


def name(item: Item) -> str:
    """Return the name of a symbol or a choice in messages."""
    kind = "choice " if isinstance(item, Choice) else "CONFIG_"
    return f"{kind}{item.name or '(unnamed)'}"


def _undefined(kconf: Kconfig, node: MenuNode) -> Iterator[str]:
    for item in node.referenced:
        if isinstance(item, Symbol) and not item.nodes and not _is_constant(kconf, item):
            yield f"refers to CONFIG_{item.name}, which nothing defines"


def _is_constant(kconf: Kconfig, symbol: Symbol) -> bool:
    is_tristate = symbol in (kconf.n, kconf.m, kconf.y)
    return bool(symbol.is_constant or is_tristate or _NUMBER.fullmatch(symbol.name))


def _help(node: MenuNode) -> Iterator[str]:
    if node.prompt and not node.help:
        yield f"{name(node.item)} has a prompt and no help"


def _marks(node: MenuNode) -> Iterator[str]:
    item = node.item
    if node is not item.nodes[0]:
        return
    try:
        interval = marks.of(item).interval
    except ValueError as error:
        yield f"{name(item)} {error}"
        return
    if isinstance(item, Symbol) and item.orig_type == kconfiglib.STRING:
        yield from _float(item, interval)


def _float(symbol: Symbol, interval: values.AllowedRange | None) -> Iterator[str]:
    defaults = [value.str_value for value, _ in symbol.orig_defaults if value.is_constant]
    if interval is not None:
        yield from _float_defaults(symbol, defaults, interval)
    elif any(_is_float(text) for text in defaults):
        yield f"{name(symbol)} has a number as its default and no help line 'Float in [a, b]'"


def _is_float(text: str) -> bool:
    try:
        return bool(values.canonical("float", text))
    except ValueError:
        return False


def _float_defaults(
    symbol: Symbol, defaults: list[str], interval: values.AllowedRange
) -> Iterator[str]:
    for text in defaults:
        if not _is_float(text):
            yield f"{name(symbol)}: default {text!r} is not a number"
        elif float(text) not in interval:
            yield f"{name(symbol)}: default {text} is not in {interval}"
        elif (right := values.canonical("float", text)) != text:
            yield f"{name(symbol)}: default {text} must be written {right}"


def _range_order(node: MenuNode) -> Iterator[str]:
    for low, high, _ in getattr(node, "ranges", []):
        ends = [int(end.str_value, 0) for end in (low, high) if _NUMBER.fullmatch(end.str_value)]
        if any(first > second for first, second in pairwise(ends)):
            yield f"{name(node.item)}: range {low.str_value} {high.str_value} is empty"


def _conditions(item: Item) -> set[object]:
    """Return all that must hold for an item to be there; of a member, what its choice needs too."""
    shown = [node.dep for node in item.nodes if node.prompt]  # presets repeat choices to set them
    needed = shown[0] if isinstance(item, Choice) and len(shown) == 1 else item.direct_dep
    parts = set(kconfiglib.split_expr(needed, kconfiglib.AND)) - {item.kconfig.y}
    choices = [part for part in parts if isinstance(part, Choice) and part is not item]
    return parts.union(*map(_conditions, choices))


def _selects(node: MenuNode) -> Iterator[str]:
    for target, _ in getattr(node, "selects", []):
        if not _conditions(target) <= _conditions(node.item):
            yield f"{name(node.item)} selects CONFIG_{target.name}, whose dependencies it overrules"
        if any(other.prompt for other in target.nodes):
            yield f"{name(node.item)} selects CONFIG_{target.name}, which a user can set"


def _choice(node: MenuNode) -> Iterator[str]:
    choice = node.item
    if not isinstance(choice, Choice) or node is not choice.nodes[0]:
        return
    if not choice.name:
        yield "this choice has no name, so trials cannot record it"
        return
    for symbol in choice.syms:
        if not symbol.name.startswith(f"{choice.name}_") and "_SELECT_" not in symbol.name:
            yield f"CONFIG_{symbol.name} must be named {choice.name}_..., as a member of the choice"


_CHECKS: list[Callable[[MenuNode], Iterator[str]]] = [
    _help,
    _marks,
    _range_order,
    _selects,
    _choice,
]
