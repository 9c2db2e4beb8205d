"""Settings under which a symbol of the Kconfig tree shows, derived from what it depends on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import kconfiglib
from kconfig_values import assigned, symbols
from kconfiglib import Choice, Symbol

Settings = dict[str, str]

MAX_TRIED = 500
_RELATIONS = (kconfiglib.EQUAL, kconfiglib.UNEQUAL, kconfiglib.GREATER, kconfiglib.LESS)
DEPTH = 12  # of conditions within conditions, which may lead back to where they came from


@functools.cache
def ways(name: str, value: str = "") -> tuple[Settings, ...]:
    """Return settings under which `name` shows, or under which a choice offers `value`.

    The fewer changes of defaults, the sooner. Some may contradict what else the tree demands, and
    comparisons of numbers are left to the caller.
    """
    assigned({})
    item = symbols().members(name)[value] if value else symbols().item(name)
    tried = islice(_holding(_condition(item), True, DEPTH), MAX_TRIED)
    return tuple(dict(each) for each in dict.fromkeys(tuple(sorted(s.items())) for s in tried))


def _condition(item: Symbol | Choice) -> Any:
    return next(node.prompt[1] for node in item.nodes if node.prompt)


def _holding(expression: Any, truth: bool, depth: int) -> Iterator[Settings]:
    """Yield settings under which an expression is true, or false; none where defaults do."""
    if bool(kconfiglib.expr_value(expression)) is truth:
        yield {}
    if depth == 0:
        return
    if isinstance(expression, Choice):
        yield from _holding(_condition(expression), truth, depth - 1)
    elif isinstance(expression, Symbol):
        yield from _symbol_is(expression, truth, depth - 1)
    elif expression[0] == kconfiglib.NOT:
        yield from _holding(expression[1], not truth, depth)
    elif (expression[0] == kconfiglib.AND) is truth:
        yield from _both(expression[1:], truth, depth)
    elif expression[0] in _RELATIONS:
        yield {}  # of numbers: whoever asks sets them
    else:
        yield from chain.from_iterable(_holding(e, truth, depth) for e in expression[1:])


def _both(expressions: Iterable[Any], truth: bool, depth: int) -> Iterator[Settings]:
    left, right = expressions
    for first in _holding(left, truth, depth):
        for second in _holding(right, truth, depth):
            if all(first[name] == second[name] for name in first.keys() & second.keys()):
                yield {**first, **second}


def _symbol_is(symbol: Symbol, truth: bool, depth: int) -> Iterator[Settings]:
    owner = symbols().owner(symbol.name)
    if owner:
        choice, value = owner
        members = symbols().members(choice)
        for other, member in members.items():
            if (other == value) is truth:
                for more in _holding(_condition(member), True, depth):
                    yield {**more, choice: other}
    elif symbol.name and symbol.nodes and symbols().has_prompt(symbol.name):
        shown = _holding(_condition(symbol), True, depth)
        yield from ({**more, symbol.name: "ny"[truth]} for more in shown)
    elif symbol.nodes:
        yield from _holding(symbol.rev_dep, truth, depth)
        for value, condition in symbol.defaults if truth else ():
            yield from _holding((kconfiglib.AND, value, condition), True, depth)
