"""From the settings of files to what is asked of the tree: typed, merged, one a target.

A target is a symbol or a whole choice. A choice can be asked for by name
(`CONFIG_OPTIMIZER=adamw|sgd`) or by its members (`CONFIG_OPTIMIZER_SELECT_SGD=y`); both become a
request on the choice, so they override each other across files.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from espalier.core.errors import UserError
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.range_file import Place, Setting
from espalier.kconfig.symbols import CHOICE, Symbols
from espalier.kconfig.values import canonical

Requests = dict[str, "Request"]


@dataclass(frozen=True)
class Request:
    """Values asked of one target; several make an axis.

    `excluded` are the members of a choice that were switched off by name. A request that is not
    `required` (a test matrix made it) may hold values that never take effect.
    """

    name: str
    values: tuple[str, ...]  # canonical, distinct
    place: Place
    excluded: frozenset[str] = field(default_factory=frozenset)
    required: bool = True

    @property
    def is_axis(self) -> bool:
        """Whether more than one value is asked for."""
        return len(self.values) > 1

    def requires(self, value: str) -> bool:
        """Whether it is an error if no trial has `value`.

        Between several members switched y|n, all of them off is only one combination of many.
        """
        return self.required and (value != DEFAULT or len(self.values) < 3)

    def at(self, value: str) -> str:
        """Place and assignment, the way every message begins."""
        if value == DEFAULT and self.excluded:
            return f"{self.place}: CONFIG_{self.name} without {', '.join(sorted(self.excluded))}"
        return f"{self.place}: CONFIG_{self.name}={value}"


def from_settings(symbols: Symbols, settings: Iterable[Setting]) -> Requests:
    """The requests of one file, in its order. Raises UserError for what can never be right."""
    by_target: dict[str, list[Setting]] = {}
    for setting in settings:
        by_target.setdefault(_target(symbols, setting), []).append(setting)
    return {name: _request(symbols, name, group) for name, group in by_target.items()}


def merge(files: Iterable[Requests]) -> tuple[Requests, list[str]]:
    """The requests of several files, later ones winning, and a line for each override."""
    merged: Requests = {}
    notes = []
    for requests in files:
        for name, request in requests.items():
            before = merged.get(name)
            if before is not None and before.values != request.values:
                notes.append(f"{_shown(request)} overrides {_shown(before)}")
        merged |= requests
    return merged, notes


def _shown(request: Request) -> str:
    return request.at("|".join(request.values))


def _target(symbols: Symbols, setting: Setting) -> str:
    name = setting.symbol
    if name not in symbols:
        near = symbols.nearest(name)
        hint = f"did you mean CONFIG_{near}?" if near else "`make menuconfig` shows what there is"
        raise UserError(f"{setting.place}: CONFIG_{name}: no such symbol; {hint}")
    owner = symbols.owner(name)
    return owner[0] if owner else name


def _request(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    kind = symbols.kind(name)
    request = _of_choice(symbols, name, group) if kind == CHOICE else _of_symbol(symbols, group[0])
    if request.is_axis and not symbols.in_identity(name):
        raise group[0].error(
            "is not part of a trial's identity and cannot be swept; give one value"
        )
    if request.is_axis and not symbols.has_prompt(name):
        raise group[0].error("has no prompt: other symbols set it; it cannot be swept")
    return request


def _of_symbol(symbols: Symbols, setting: Setting) -> Request:
    found = dict.fromkeys(_typed(symbols, setting, text) for text in setting.values)
    return Request(setting.symbol, tuple(found), setting.place)


def _typed(symbols: Symbols, setting: Setting, text: str) -> str:
    kind = symbols.kind(setting.symbol)
    try:
        value = canonical(kind, text)
    except ValueError as error:
        raise setting.error(f"{error}", text) from None
    declared = symbols.float_range(setting.symbol)
    if declared is not None and float(value) not in declared:
        raise setting.error(f"must be in {declared}", text)
    return value


def _of_choice(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    by_name = [s for s in group if s.symbol == name]
    if by_name and len(group) > 1:
        other = next(s for s in group if s.symbol != name)
        raise other.error(f"CONFIG_{name} is already set in line {by_name[0].place.line}")
    if by_name:
        found = dict.fromkeys(_member(symbols, by_name[0], text) for text in by_name[0].values)
        return Request(name, tuple(found), by_name[0].place)
    return _of_members(symbols, name, group)


def _member(symbols: Symbols, setting: Setting, text: str) -> str:
    members = symbols.members(setting.symbol)
    if text.lower() in members:
        return text.lower()
    near = difflib.get_close_matches(text.lower(), members, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise setting.error(f"no such member; {hint}known: {', '.join(members)}", text)


def _of_members(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    """Members are switches of which one is on: their combinations are values of the choice."""
    switches = [[_typed(symbols, s, text) for text in s.values] for s in group]
    owned = [symbols.owner(s.symbol) for s in group]
    labels = [owner[1] for owner in owned if owner]
    found: dict[str, None] = {}
    for states in itertools.product(*switches):
        chosen = [label for label, state in zip(labels, states, strict=True) if state == "y"]
        if len(chosen) < 2:
            found.setdefault(chosen[0] if chosen else DEFAULT)
    if not found:
        raise group[-1].error(f"line {_first_on(group)} already selects another member; keep one")
    off = frozenset(x for x, states in zip(labels, switches, strict=True) if "n" in states)
    return Request(name, tuple(found), _place(group), off)


def _first_on(group: list[Setting]) -> int:
    return next(s for s in group if "y" in s.values).place.line


def _place(group: list[Setting]) -> Place:
    return next((s for s in group if "y" in s.values), group[0]).place
