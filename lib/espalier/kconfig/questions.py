"""Configuration by questions, line by line: `config` and `oldconfig`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import kconfiglib

from espalier.errors import UserError

Item: TypeAlias = "kconfiglib.Symbol | kconfiglib.Choice"


def ask(kconf: kconfiglib.Kconfig, wanted: Callable[[Item], bool]) -> None:
    """Ask for each visible symbol and choice that is `wanted`, until none is left.

    An answer can make earlier questions appear, so the tree is walked until nothing new does.
    An empty answer keeps the value shown, `?` prints the help. Raises UserError when the input
    ends before the questions do.
    """
    asked: set[Item] = set()
    while nodes := [node for node in _questions(kconf) if _is_new(node, asked, wanted)]:
        asked.add(nodes[0].item)
        _ask_one(nodes[0])


def _is_new(node: kconfiglib.MenuNode, asked: set[Item], wanted: Callable[[Item], bool]) -> bool:
    return node.item not in asked and wanted(node.item)


def _questions(kconf: kconfiglib.Kconfig) -> Iterator[kconfiglib.MenuNode]:
    for node in kconf.node_iter():
        if node.prompt and kconfiglib.expr_value(node.prompt[1]) and _can_vary(node.item):
            yield node


def _can_vary(item: object) -> bool:
    """Whether `item` has more than one possible value now; a choice's members have none."""
    if isinstance(item, kconfiglib.Choice):
        return len(_members(item)) > 1
    if not isinstance(item, kconfiglib.Symbol) or item.choice:
        return False
    return item.orig_type != kconfiglib.BOOL or len(item.assignable) > 1


def _members(choice: kconfiglib.Choice) -> list[kconfiglib.Symbol]:
    return [symbol for symbol in choice.syms if symbol.visibility == 2]


def is_open(item: Item) -> bool:
    """Whether the configuration that was read leaves `item` open."""
    if isinstance(item, kconfiglib.Choice):
        return item.user_selection is None or item.user_selection.visibility != 2
    return item.user_value is None


def open_symbols(kconf: kconfiglib.Kconfig) -> list[kconfiglib.Symbol]:
    """The symbols that the configuration leaves open; a choice counts by its selected member."""
    items = [node.item for node in _questions(kconf) if is_open(node.item)]
    return [item.selection if isinstance(item, kconfiglib.Choice) else item for item in items]


def help_text(item: Item) -> str:
    """The help of `item`, indented, or a line that says there is none."""
    text = next((node.help for node in item.nodes if node.help), "No help text.")
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


def _ask_one(node: kconfiglib.MenuNode) -> None:
    choose = _choose if isinstance(node.item, kconfiglib.Choice) else _enter
    while not choose(node):
        pass


def _enter(node: kconfiglib.MenuNode) -> bool:
    """Ask for a symbol's value once; False if the answer was not a value."""
    symbol = node.item
    answer = _answer(f"{node.prompt[0]} (CONFIG_{symbol.name}) [{symbol.str_value}] ", symbol)
    if answer == "?":
        return False
    value = answer or symbol.str_value
    if symbol.set_value(value) and symbol.str_value == value:
        return True
    symbol.unset_value()
    print(f"  {value!r} is not possible{_rule(symbol)}")
    return False


def _rule(symbol: kconfiglib.Symbol) -> str:
    if symbol.orig_type == kconfiglib.BOOL:
        return ": y or n"
    bounds = [(low.str_value, high.str_value) for low, high, when in symbol.ranges if _on(when)]
    return f": a number from {bounds[0][0]} to {bounds[0][1]}" if bounds else ""


def _on(condition: object) -> bool:
    return bool(kconfiglib.expr_value(condition))


def _choose(node: kconfiglib.MenuNode) -> bool:
    """Ask for a choice's member once; False if the answer was none of them."""
    choice, members = node.item, _members(node.item)
    print(node.prompt[0])
    for number, symbol in enumerate(members, 1):
        mark = ">" if symbol is choice.selection else " "
        print(f"{mark} {number}. {symbol.nodes[0].prompt[0]} (CONFIG_{symbol.name})")
    answer = _answer(f"choice [1-{len(members)}]: ", choice)
    if not answer:
        choice.selection.set_value("y")
        return True
    if answer.isdecimal() and 1 <= int(answer) <= len(members):
        members[int(answer) - 1].set_value("y")
        return True
    return False


def _answer(prompt: str, item: Item) -> str:
    try:
        text = input(prompt).strip()
    except EOFError:
        print()
        raise UserError(
            f"the input ended at the question for {item.name}; nothing was written; "
            "`make olddefconfig` takes every default"
        ) from None
    if text == "?":
        print(help_text(item), end="")
    return text
