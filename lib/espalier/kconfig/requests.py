"""Check the settings of files against the tree, and merge them: one request a target.

A target is a symbol or a choice. A choice can be set by its name (`CONFIG_OPTIMIZER=adamw|sgd`) or
by its members (`CONFIG_OPTIMIZER_SELECT_SGD=y`). Both become a request for the choice, so that one
overrides the other across files.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from espalier.core.errors import SettingError
from espalier.kconfig import number_range, range_file
from espalier.kconfig.advice import hints, value_hints
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.line_faults import Faults, LineError, Place
from espalier.kconfig.number_range import NumberInterval
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import CHOICE, Symbols

Requests = dict[str, "Request"]
MOST_NAMED = 4
"""Of the values of a line that break a rule."""


@dataclass(frozen=True)
class Request:
    """The values requested for a target; several make an axis.

    `excluded` are the members of a choice that were switched off by name. A request of a test
    matrix is not `required`: it may hold values that never take effect. An `interval` stands for
    the numbers in it, and is the only value.
    """

    name: str
    values: tuple[str, ...]  # canonical, distinct
    place: Place
    excluded: frozenset[str] = field(default_factory=frozenset)
    required: bool = True
    interval: NumberInterval | None = None

    @property
    def is_axis(self) -> bool:
        """Whether more than one value is requested."""
        return len(self.values) > 1 or self.interval is not None

    def requires(self, value: str) -> bool:
        """Return whether it is an error if no trial has `value`.

        Between several members switched y|n, all of them off is only one combination of many.
        """
        return self.required and (value != DEFAULT or len(self.values) < 3)

    def at(self, value: str) -> str:
        """Return the place and the assignment, with which every message begins."""
        return f"{self.place}: {self._assignment(value)}"

    def error(self, value: str, rule: str) -> LineError:
        """Return the error that the assignment of `value` breaks `rule`."""
        return LineError(self.place, f"{self._assignment(value)}: {rule}")

    def _assignment(self, value: str) -> str:
        if value == DEFAULT and self.excluded:
            return f"CONFIG_{self.name} without {', '.join(sorted(self.excluded))}"
        return f"CONFIG_{self.name}={value}"


def read(
    symbols: Symbols, paths: Iterable[Path], retired: Container[str] = ()
) -> tuple[Requests, list[str]]:
    """Return the requests of files, where later ones win, and notes on what is in the files.

    Lines with a symbol in `retired` are left out, with a note. Raises UserError, with every fault
    of all files.
    """
    faults = Faults()
    files, notes = [], []
    for path in paths:
        settings = range_file.read_lines(path, faults)
        notes += [hints.of_retired(s) for s in settings if s.symbol in retired]
        files.append(check(symbols, [s for s in settings if s.symbol not in retired], faults))
    faults.check()
    merged, overrides = merge(files)
    return merged, [*notes, *overrides]


def from_settings(symbols: Symbols, settings: Sequence[Setting]) -> Requests:
    """Return the requests of a file, in its order. Raises UserError for what is never right."""
    faults = Faults()
    requests = check(symbols, settings, faults)
    faults.check()
    return requests


@contextmanager
def placing(requests: Requests) -> Iterator[None]:
    """Let a SettingError of a block begin with the place where its symbol was set, if it was."""
    try:
        yield
    except SettingError as error:
        request = requests.get(error.name)
        if request is None:
            raise
        raise request.error(error.value, error.rule) from None


def check(symbols: Symbols, settings: Sequence[Setting], faults: Faults) -> Requests:
    """Return the requests of the settings that can be right; the faults of others are collected."""
    by_target: dict[str, list[Setting]] = {}
    for setting in settings:
        with faults.collect():
            by_target.setdefault(_target(symbols, setting, settings), []).append(setting)
    requests: Requests = {}
    for name, group in by_target.items():
        with faults.collect():
            requests[name] = _request(symbols, name, group)
    return requests


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


def _target(symbols: Symbols, setting: Setting, settings: Iterable[Setting]) -> str:
    name = setting.symbol
    if name not in symbols:
        hint = hints.of_symbol(symbols, name, settings)
        raise LineError(setting.place, f"CONFIG_{name}: no such symbol; {hint}")
    owner = symbols.owner(name)
    return owner[0] if owner else name


def _request(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    is_choice = symbols.kind(name) == CHOICE
    request = (_of_choice if is_choice else _of_symbol)(symbols, name, group)
    if request.is_axis and not symbols.in_identity(name):
        raise group[0].error(
            "is not part of a trial's identity and cannot be swept; give one value"
        )
    if request.is_axis and not symbols.has_prompt(name):
        raise group[0].error("has no prompt: other symbols set it; it cannot be swept")
    return request


def _of_symbol(symbols: Symbols, name: str, group: Sequence[Setting]) -> Request:
    values = _agreed(group, lambda s: _typed_values(symbols, s))
    return Request(name, values, group[0].place, interval=_interval(symbols, group[0]))


def _interval(symbols: Symbols, setting: Setting) -> NumberInterval | None:
    """Return the interval of a line, whose ends are values of its symbol; None if it is none.

    Raises UserError if it is malformed.
    """
    kind = symbols.kind(setting.symbol)
    if kind not in ("int", "float") or not number_range.is_interval(setting.text):
        return None
    try:
        span = number_range.interval(setting.text, whole=kind == "int")
        for end in (span.low, span.high):
            symbols.canonical(setting.symbol, number_range.plain(end))
    except ValueError as error:
        raise setting.error(str(error)) from None
    return span


def _agreed(
    group: Sequence[Setting], values: Callable[[Setting], tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the values of lines that set the same. Raises UserError where they differ."""
    first = values(group[0])
    for setting in group[1:]:
        if set(values(setting)) != set(first):
            raise setting.error(f"line {group[0].place.line} sets it to another value; keep one")
    return first


def _typed_values(symbols: Symbols, setting: Setting) -> tuple[str, ...]:
    if span := _interval(symbols, setting):
        return (str(span),)

    def hint(text: str) -> str:
        meant = value_hints.of_value(symbols, setting, text)
        return f"; {meant}" if meant else ""

    return _converted(setting, lambda text: symbols.canonical(setting.symbol, text), hint)


def _members_of(symbols: Symbols, setting: Setting) -> tuple[str, ...]:
    members = symbols.members(setting.symbol)

    def member(text: str) -> str:
        if text.lower() not in members:
            raise ValueError("no such member")
        return text.lower()

    def hint(text: str) -> str:
        meant = value_hints.of_value(symbols, setting, text)
        meant = f"{meant};" if meant else hints.of_member(symbols, setting.symbol, text)
        return f"; {meant}{' ' * bool(meant)}known: {', '.join(members)}"

    return _converted(setting, member, hint)


def _converted(
    setting: Setting, convert: Callable[[str], str], hint: Callable[[str], str]
) -> tuple[str, ...]:
    """Return the distinct values of a line. Raises UserError with those that break a rule."""
    values: dict[str, None] = {}
    broken: dict[str, list[str]] = {}
    for text in setting.values:
        try:
            values.setdefault(convert(text))
        except ValueError as error:
            broken.setdefault(str(error), []).append(text)
    faults = Faults()
    for rule, texts in broken.items():
        more = ["..."] if len(texts) > MOST_NAMED else []
        shown = "|".join(texts[:MOST_NAMED] + more) if len(setting.values) > 1 else setting.text
        faults.add(setting.error(f"{rule}{hint(texts[0])}", shown))
    faults.check()
    return tuple(values)


def _of_choice(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    """Return the request for a choice from lines with its name or its members, which must agree."""
    named = [s for s in group if s.symbol == name]
    switches = _switched_once(symbols, [s for s in group if s.symbol != name])
    if not named:
        return _of_members(symbols, name, switches)
    request = _of_name(symbols, name, named)
    if switches and not _agree(request, members := _of_members(symbols, name, switches)):
        other = next(s for s in switches if s.place == members.place)
        raise other.error(
            f"line {request.place.line} sets CONFIG_{name} to another value; keep one"
        )
    return request


def _of_name(symbols: Symbols, name: str, group: Sequence[Setting]) -> Request:
    return Request(name, _agreed(group, lambda s: _members_of(symbols, s)), group[0].place)


def _switched_once(symbols: Symbols, group: Sequence[Setting]) -> list[Setting]:
    """Return one of the lines for each member of a choice. Raises UserError where they disagree."""
    by_member: dict[str, list[Setting]] = {}
    for setting in group:
        by_member.setdefault(setting.symbol, []).append(setting)
    for name, lines in by_member.items():
        _of_symbol(symbols, name, lines)
    return [lines[0] for lines in by_member.values()]


def _agree(named: Request, members: Request) -> bool:
    """Return whether a choice is set to the same by its name and by its members."""
    if members.values == (DEFAULT,):  # members are only switched off
        return not members.excluded.intersection(named.values)
    return set(members.values) == set(named.values)


def _of_members(symbols: Symbols, name: str, group: list[Setting]) -> Request:
    """Return the request for a choice whose members are set as switches, of which one may be on."""
    switches = [_typed_values(symbols, setting) for setting in group]
    owned = [symbols.owner(s.symbol) for s in group]
    labels = [owner[1] for owner in owned if owner]
    always_on = [n for n, states in enumerate(switches) if "n" not in states]
    if len(always_on) > 1:
        first, second = (group[n] for n in always_on[:2])
        raise second.error(f"line {first.place.line} already selects another member; keep one")
    values = [labels[n] for n in always_on] or _one_or_none_on(labels, switches)
    off = frozenset(x for x, states in zip(labels, switches, strict=True) if "n" in states)
    return Request(name, tuple(values), _place(group), off)


def _one_or_none_on(labels: Sequence[str], switches: Sequence[Sequence[str]]) -> list[str]:
    """Return the values of a choice, as the product of its members' states has them in turn."""
    off = [states.index("n") for states in switches]
    orders = {DEFAULT: off}
    for n, states in enumerate(switches):
        if "y" in states:
            orders[labels[n]] = [*off[:n], states.index("y"), *off[n + 1 :]]
    return sorted(orders, key=lambda label: orders[label])


def _place(group: list[Setting]) -> Place:
    return next((s for s in group if "y" in s.values), group[0]).place
