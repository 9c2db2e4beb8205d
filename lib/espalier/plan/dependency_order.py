"""The order in which requests are assigned: what a request depends on comes before it."""

from __future__ import annotations

from collections.abc import Iterable

import kconfiglib
from kconfiglib import Choice, Symbol

from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols


def by_dependency(symbols: Symbols, requests: Requests) -> list[Request]:
    """Sort requests so that dependencies come first; fixed ones early, else in file order."""
    ordered: dict[str, Request] = {}
    needed = {name: needs(symbols, name) & requests.keys() for name in requests}

    def visit(name: str, path: frozenset[str]) -> None:
        if name in ordered or name in path:
            return
        for need in sorted(needed[name], key=position.__getitem__):
            visit(need, path | {name})
        ordered[name] = requests[name]

    first = sorted(requests, key=lambda name: requests[name].is_axis)
    position = {name: i for i, name in enumerate(first)}
    for name in first:
        visit(name, frozenset())
    return list(ordered.values())


def independent(symbols: Symbols, names: Iterable[str], requests: Requests) -> set[str]:
    """Return those of `names`, of a trial's identity, that no request depends on."""
    needed = set().union(*(needs(symbols, name) for name in requests))
    return {name for name in names if symbols.in_identity(name)} - needed


def needs(symbols: Symbols, name: str) -> set[str]:
    """Return all that can change what `name` may be, transitively; choices for their members."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for need in _direct(symbols, todo.pop()):
            if need not in seen:
                seen.add(need)
                todo.append(need)
    return seen - {name}


def _direct(symbols: Symbols, name: str) -> Iterable[str]:
    item = symbols.item(name)
    items = {item, *item.syms} if isinstance(item, Choice) else {item}
    referenced = set().union(*map(_referenced, items)) - items
    for other in referenced:
        owner = symbols.owner(other.name) if isinstance(other, Symbol) else None
        need = owner[0] if owner else other.name
        if need in symbols:
            yield need


def _referenced(item: Symbol | Choice) -> set[Symbol | Choice]:
    expressions = [node.prompt[1] for node in item.nodes if node.prompt]
    expressions += [item.direct_dep, *(part for default in item.defaults for part in default)]
    if isinstance(item, Symbol):
        expressions += [item.rev_dep, item.weak_rev_dep]
        expressions += [part for bounds in item.ranges for part in bounds]
    return set().union(*(kconfiglib.expr_items(e) for e in expressions))
