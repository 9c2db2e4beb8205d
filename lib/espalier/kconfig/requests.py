"""Check the settings of files against the tree, and merge them: one request a target.

A target is a symbol or a choice. A choice can be set by its name (`CONFIG_OPTIMIZER=adamw|sgd`) or
by its members (`CONFIG_OPTIMIZER_SELECT_SGD=y`). Both become a request for the choice, so that one
overrides the other across files.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from espalier.core.errors import UserError
from espalier.kconfig import foreign_config
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.range_file import Place, Setting
from espalier.kconfig.symbols import CHOICE, Symbols

Requests = dict[str, "Request"]


@dataclass(frozen=True)
class Request:
    """The values requested for a target; several make an axis.

    `excluded` are the members of a choice that were switched off by name. A request of a test
    matrix is not `required`: it may hold values that never take effect.
    """

    name: str
    values: tuple[str, ...]  # canonical, distinct
    place: Place
    excluded: frozenset[str] = field(default_factory=frozenset)
    required: bool = True

    @property
    def is_axis(self) -> bool:
        """Whether more than one value is requested."""
        return len(self.values) > 1

    def requires(self, value: str) -> bool:
        """Return whether it is an error if no trial has `value`.

        Between several members switched y|n, all of them off is only one combination of many.
        """
        return self.required and (value != DEFAULT or len(self.values) < 3)

    def at(self, value: str) -> str:
        """Return the place and the assignment, with which every message begins."""
        if value == DEFAULT and self.excluded:
            return f"{self.place}: CONFIG_{self.name} without {', '.join(sorted(self.excluded))}"
        return f"{self.place}: CONFIG_{self.name}={value}"


def from_settings(symbols: Symbols, settings: Iterable[Setting]) -> Requests:
    """Return the requests of a file, in its order. Raises UserError for what is never right."""
    by_target: dict[str, list[Setting]] = {}
    for setting in settings:
        by_target.setdefault(_target(symbols, setting), []).append(setting)
    return {name: _request(symbols, name, group) for name, group in by_target.items()}


def merge(files: Iterable[Requests]) -> tuple[Requests, list[str]]:
    """Return the requests of several files, where later ones win, and a line for each override."""
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
        hint = foreign_config.hint(name) or hint
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
    values = dict.fromkeys(_typed(symbols, setting, text) for text in setting.values)
    return Request(setting.symbol, tuple(values), setting.place)


def _typed(symbols: Symbols, setting: Setting, text: str) -> str:
    try:
        return symbols.canonical(setting.symbol, text)
    except ValueError as error:
        raise setting.error(f"{error}", text) from None


def _of_choice(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    by_name = [s for s in group if s.symbol == name]
    if by_name and len(group) > 1:
        other = next(s for s in group if s.symbol != name)
        raise other.error(f"CONFIG_{name} is already set in line {by_name[0].place.line}")
    if by_name:
        values = dict.fromkeys(_member(symbols, by_name[0], text) for text in by_name[0].values)
        return Request(name, tuple(values), by_name[0].place)
    return _of_members(symbols, name, group)


def _member(symbols: Symbols, setting: Setting, text: str) -> str:
    members = symbols.members(setting.symbol)
    if text.lower() in members:
        return text.lower()
    near = difflib.get_close_matches(text.lower(), members, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise setting.error(f"no such member; {hint}known: {', '.join(members)}", text)


def _of_members(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    """Return the request for a choice whose members are set as switches, of which one may be on."""
    switches = [[_typed(symbols, s, text) for text in s.values] for s in group]
    owned = [symbols.owner(s.symbol) for s in group]
    labels = [owner[1] for owner in owned if owner]
    values: dict[str, None] = {}
    for states in itertools.product(*switches):
        chosen = [label for label, state in zip(labels, states, strict=True) if state == "y"]
        if len(chosen) < 2:
            values.setdefault(chosen[0] if chosen else DEFAULT)
    if not values:
        raise group[-1].error(f"line {_first_on(group)} already selects another member; keep one")
    off = frozenset(x for x, states in zip(labels, switches, strict=True) if "n" in states)
    return Request(name, tuple(values), _place(group), off)


def _first_on(group: list[Setting]) -> int:
    return next(s for s in group if "y" in s.values).place.line


def _place(group: list[Setting]) -> Place:
    return next((s for s in group if "y" in s.values), group[0]).place
