"""The symbols of a parsed tree: their kinds, marks and roles, by name without `CONFIG_`.

A name is that of a symbol or of a choice. A choice stands for its members: its value is the name of
the selected member without its prefix and in lower case. `<KIND>_SELECT_<NAME>` is `<name>`, and
`AMP_BF16` of the choice `AMP` is `bf16`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import kconfiglib
from kconfiglib import Choice, Kconfig, Symbol

from espalier.core.errors import UserError
from espalier.core.measures import RANK_BY, MeasureError
from espalier.kconfig import marks
from espalier.kconfig.declared_measures import resolve
from espalier.kconfig.marks import Marks, Scope
from espalier.kconfig.values import AllowedRange, canonical

CHOICE = "choice"
BUDGET_MINUTES = "BUDGET_MINUTES"
"""The setting with the minutes that a sweep may take."""
_KINDS = {
    kconfiglib.BOOL: "bool",
    kconfiglib.TRISTATE: "bool",
    kconfiglib.INT: "int",
    kconfiglib.HEX: "hex",
    kconfiglib.STRING: "string",
}


class Symbols:
    """Typed metadata of every symbol and named choice of one tree."""

    def __init__(self, kconf: Kconfig) -> None:
        """Read a tree. Raises UserError, with a place, if marks are wrong or missing."""
        self.kconf = kconf
        self.choices: dict[str, Choice] = dict(kconf.named_choices)
        self._symbols: dict[str, Symbol] = {s.name: s for s in kconf.unique_defined_syms}
        items = {**self._symbols, **self.choices}
        self._marks = {name: _marks(item) for name, item in items.items()}
        self._members = {n: _members(c) for n, c in self.choices.items()}
        self._owner = {
            member.name: (name, value)
            for name, members in self._members.items()
            for value, member in members.items()
        }
        self.prompted = tuple(filter(self.has_prompt, self._in_tree_order()))
        """Names that a user can set, in the order of the tree, without members of choices."""
        self.identity = tuple(filter(self.in_identity, self.prompted))
        """Those that are part of a trial's identity."""
        self.settings = tuple(itertools.filterfalse(self.in_identity, self.prompted))
        """Those that are not: device, paths, verbosity, how to expand."""
        self.shape = tuple(filter(self.same_in_pack, self.identity))
        """Those that must be equal in all trials of a pack."""
        self.by_content = tuple(n for n in self.prompted if self._scope(n) is Scope.CONTENT)
        """Paths of files that are part of a trial by what they hold, not by where they lie."""
        unset = {n: text for n in self.prompted if (text := self._marks[n].absent) is not None}
        self.absent = dict.fromkeys(self.by_content, "") | unset
        """By symbol, the value at which a configuration is as if there were no such symbol."""
        self._fixed_ranges = {n: r for n, s in self._symbols.items() if (r := _fixed_range(s))}
        self.need_trust = tuple(n for n in self.prompted if self._marks[n].needs_trust)
        """Paths and checks: what they are in a file of others is not taken."""
        plain = {name: self._controls(members) for name, members in self._members.items()}
        self.controls = {name: values for name, values in plain.items() if values}
        """By choice, the values that reports compare the others with."""
        self.measures = {n: way for item in self._marks.values() for n, way in item.measures}
        """The directions of the measures that components declare, by name."""

    def __contains__(self, name: str) -> bool:
        return name in self._symbols or name in self.choices

    def item(self, name: str) -> Symbol | Choice:
        """Return the choice or symbol `name` of kconfiglib. Raises KeyError if there is none."""
        return self.choices[name] if name in self.choices else self._symbols[name]

    def kind(self, name: str) -> str:
        """Return the kind of `name`: bool, int, hex, float, string or choice."""
        if name in self.choices:
            return CHOICE
        if self._marks[name].interval is not None:
            return "float"
        return _KINDS[self._symbols[name].orig_type]

    def float_range(self, name: str) -> AllowedRange | None:
        """Return the range that the mark `Float in [a, b)` declares, or None."""
        return self._marks[name].interval

    def canonical(self, name: str, text: str) -> str:
        """Return the canonical spelling of `text` as a value of the symbol `name`.

        Raises ValueError, whose text is the rule, if it is of another kind or out of its range.
        """
        kind = self.kind(name)
        value = canonical(kind, text)
        declared = self.float_range(name)
        if declared is not None and float(value) not in declared:
            raise ValueError(f"must be in {declared}")
        if (always := self._fixed_ranges.get(name)) and not _is_within(always, kind, value):
            raise ValueError(f"must be in [{always[0]}, {always[1]}]")
        return self._ranking(value) if name == RANK_BY else value

    def _ranking(self, text: str) -> str:
        """Return a text of `RANK_BY` with directions. Raises ValueError, whose text is the rule."""
        try:
            return resolve(text, declared=lambda: self.measures)
        except MeasureError as error:
            raise ValueError(error.rule) from None

    def owner(self, name: str) -> tuple[str, str] | None:
        """Return the choice that `name` is a member of and its value there; None if it is none."""
        return self._owner.get(name)

    def members(self, choice: str) -> dict[str, Symbol]:
        """Return the members of a choice by value, in the order of the tree."""
        return self._members[choice]

    def has_prompt(self, name: str) -> bool:
        """Return whether a user can set it."""
        return any(node.prompt for node in self.item(name).nodes)

    def in_identity(self, name: str) -> bool:
        """Return whether it, or the choice it is a member of, is part of a trial's identity."""
        return self._scope(name) is not Scope.SWEEP

    def same_in_pack(self, name: str) -> bool:
        """Return whether it, or the choice it is a member of, must be equal in a pack."""
        return self._scope(name) is Scope.PACK

    def _scope(self, name: str) -> Scope | None:
        """Return its scope, or that of the choice it is a member of; None if no user can set it."""
        owner = self._owner.get(name)
        return self._marks[owner[0] if owner else name].scope

    def _controls(self, members: dict[str, Symbol]) -> list[str]:
        return [value for value, item in members.items() if self._marks[item.name].is_control]

    @property
    def names(self) -> Iterable[str]:
        """Every symbol and named choice."""
        return [*self._symbols, *self.choices]

    def _in_tree_order(self) -> Iterable[str]:
        seen: dict[str, None] = {}
        for node in self.kconf.node_iter():
            item = node.item
            if isinstance(item, (Symbol, Choice)) and item.name and item.name not in self._owner:
                seen.setdefault(item.name)
        return seen


def _marks(item: Symbol | Choice) -> Marks:
    try:
        return marks.of(item)
    except ValueError as error:
        node = item.nodes[0]
        text = f"{node.filename}:{node.linenr}: CONFIG_{item.name} {error}"
        raise UserError(text) from None


def _fixed_range(symbol: Symbol) -> tuple[str, str] | None:
    """Return the ends of the integers that may be allowed, whatever else is set, if there are any.

    Of several ranges the first whose condition holds counts.
    """
    ends: list[tuple[str, str]] = []
    for low, high, condition in symbol.ranges:
        if low.nodes or high.nodes:
            return None
        ends.append((low.str_value, high.str_value))
        if _always_holds(symbol, condition):
            whole = _reader(_KINDS[symbol.orig_type])
            return min((low for low, _ in ends), key=whole), max((e for _, e in ends), key=whole)
    return None


def _always_holds(symbol: Symbol, condition: Any) -> bool:
    """Return whether a condition holds wherever the symbol is shown."""
    shared = [*kconfiglib.split_expr(symbol.direct_dep, kconfiglib.AND), symbol.kconfig.y]
    return all(part in shared for part in kconfiglib.split_expr(condition, kconfiglib.AND))


def _is_within(ends: tuple[str, str], kind: str, value: str) -> bool:
    whole = _reader(kind)
    return whole(ends[0]) <= whole(value) <= whole(ends[1])


def _reader(kind: str) -> Callable[[str], int]:
    """Return what reads an integer of this kind."""
    return functools.partial(int, base=16 if kind == "hex" else 10)


def _members(choice: Choice) -> dict[str, Symbol]:
    return {_value(choice.name, member.name): member for member in choice.syms}


def _value(choice: str, member: str) -> str:
    _, selects, name = member.partition("_SELECT_")
    return (name if selects else member.removeprefix(f"{choice}_")).lower()
