"""Ask for the values of a configuration, line by line: `config` and `oldconfig`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import kconfiglib

from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols

Item: TypeAlias = "kconfiglib.Symbol | kconfiglib.Choice"


def ask(symbols: Symbols, condition: Callable[[Item], bool]) -> None:
    """Ask for each visible symbol and choice that fulfils `condition`.

    An answer can make earlier questions appear, so the tree is walked from its start after each.
    An empty answer keeps the value shown, `?` prints the help. Raises UserError if the input ends
    before the questions do.
    """
    done: set[Item] = set()

    def is_due(node: kconfiglib.MenuNode) -> bool:
        return node.item not in done and condition(node.item)

    while node := next(filter(is_due, _questions(symbols.kconf)), None):
        done.add(node.item)
        _ask_for(symbols, node)


def _questions(kconf: kconfiglib.Kconfig) -> Iterator[kconfiglib.MenuNode]:
    for node in kconf.node_iter():
        if node.prompt and kconfiglib.expr_value(node.prompt[1]) and _can_vary(node.item):
            yield node


def _can_vary(item: object) -> bool:
    """Return whether `item` has more than one possible value now; members of a choice do not."""
    if isinstance(item, kconfiglib.Choice):
        return len(_members(item)) > 1
    if not isinstance(item, kconfiglib.Symbol) or item.choice:
        return False
    return item.orig_type != kconfiglib.BOOL or len(item.assignable) > 1


def _members(choice: kconfiglib.Choice) -> list[kconfiglib.Symbol]:
    return [symbol for symbol in choice.syms if symbol.visibility == 2]


def is_open(item: Item) -> bool:
    """Return whether the configuration that was read leaves `item` open."""
    if isinstance(item, kconfiglib.Choice):
        return item.user_selection is None or item.user_selection.visibility != 2
    return item.user_value is None


def open_symbols(kconf: kconfiglib.Kconfig) -> list[kconfiglib.Symbol]:
    """Return the symbols that the configuration leaves open, for a choice its selected member."""
    items = [node.item for node in _questions(kconf) if is_open(node.item)]
    return [item.selection if isinstance(item, kconfiglib.Choice) else item for item in items]


def help_text(item: Item) -> str:
    """Return the help of `item`, indented, or a line that says there is none."""
    text = next((node.help for node in item.nodes if node.help), "No help text.")
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


def _ask_for(symbols: Symbols, node: kconfiglib.MenuNode) -> None:
    if isinstance(node.item, kconfiglib.Choice):
        while not _choose(node):
            pass
        return
    while rule := _enter(symbols, node):
        print(f"  {rule}")


def _enter(symbols: Symbols, node: kconfiglib.MenuNode) -> str:
    """Ask for the value of a symbol once; return the rule that the answer broke, if any."""
    symbol, name = node.item, node.item.name
    answer = _answer(f"{node.prompt[0]} (CONFIG_{name}) [{symbol.str_value}] ", symbol)
    if answer == "?":
        return help_text(symbol).strip()
    try:
        value = symbols.canonical(name, answer or symbol.str_value)
    except ValueError as error:
        return f"{answer}: {error}"
    return _put(symbols, name, value)


def _put(symbols: Symbols, name: str, value: str) -> str:
    """Assign a value; if it does not take, put the old one back and return why."""
    symbol = symbols.item(name)
    before = symbol.user_value
    assign.put(symbols, name, value)
    if assign.effective(symbols, name) == value:
        return ""
    reason = f"{value}: {assign.why_invalid(symbols, name, value)}"
    symbol.unset_value()
    if before is not None:
        symbol.set_value(before)
    return reason


def _choose(node: kconfiglib.MenuNode) -> bool:
    """Ask for the member of a choice once; return whether the answer was one."""
    choice, members = node.item, _members(node.item)
    print(node.prompt[0])
    for number, symbol in enumerate(members, 1):
        mark = ">" if symbol is choice.selection else " "
        print(f"{mark} {number}. {symbol.nodes[0].prompt[0]} (CONFIG_{symbol.name})")
    answer = _answer(f"{node.prompt[0]} [1-{len(members)}]: ", choice)
    if answer == "?":
        print(help_text(choice), end="")
    if not answer:
        choice.selection.set_value("y")
        return True
    if answer.isdecimal() and 1 <= int(answer) <= len(members):
        members[int(answer) - 1].set_value("y")
        return True
    return False


def _answer(prompt: str, item: Item) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        print()
        raise UserError(
            f"the input ended at the question for {item.name}; nothing was written; "
            f"`{MAKE} olddefconfig` takes every default"
        ) from None
