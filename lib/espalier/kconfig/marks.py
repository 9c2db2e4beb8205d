"""Marks: the lines of a symbol's help that the harness reads, in exactly these words.

| line | of | says |
|---|---|---|
| `Identity: no` | what a user can set | a setting of the sweep, outside of a trial's identity |
| `Pack: same` | what a user can set | equal in all trials of a pack (trained as one program) |
| `Pack: may differ` | what a user can set | each trial of a pack may have a value of its own |
| `Control: yes` | a member of a choice | reports compare the other members with it |
| `Float in [a, b)` | a string | a number of this interval |

The first three are scopes. Every symbol and every choice that a user can set says which one it has;
the members of a choice go with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kconfiglib import STRING, Choice, Symbol

from espalier.kconfig.values import Interval


class Scope(Enum):
    """Who shares one value of a symbol."""

    SWEEP = "Identity: no"
    PACK = "Pack: same"
    TRIAL = "Pack: may differ"


CONTROL = "Control: yes"
_SCOPES = {scope.value for scope in Scope}
_FORMS = ", ".join(map(repr, [*(scope.value for scope in Scope), CONTROL, "Float in [a, b)"]))
_INTERVAL = re.compile(r"Float in ([\[(])\s*([^\s,]+)\s*,\s*([^\s,\])]+)\s*([\])])")
_BEGINS = re.compile(
    r"(identity|packs?|controls?)\s*[:=]|floats?\s+(in|between|from)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Marks:
    """What the marks of one help text say."""

    scope: Scope | None
    is_control: bool
    interval: Interval | None


def parse(help_text: str) -> Marks:
    """Return the marks of `help_text`.

    Raises ValueError for a line that begins like a mark and is none, and for two that disagree.
    """
    lines = [line for line in map(str.strip, help_text.splitlines()) if _BEGINS.match(line)]
    intervals = [_interval(line) for line in lines if line not in {*_SCOPES, CONTROL}]
    scopes = [Scope(line) for line in lines if line in _SCOPES]
    if len(scopes) > 1 or len(intervals) > 1:
        raise ValueError(f"has more than one help line of a kind: {', '.join(map(repr, lines))}")
    return Marks(next(iter(scopes), None), CONTROL in lines, next(iter(intervals), None))


def of(item: Symbol | Choice) -> Marks:
    """Return the marks of a symbol or choice, wherever it is defined. Raises ValueError."""
    return parse("\n".join(node.help for node in item.nodes if node.help))


def findings(item: Symbol | Choice) -> Iterator[str]:
    """Yield what is wrong with the marks of a symbol or choice."""
    try:
        marks = of(item)
    except ValueError as error:
        yield str(error)
        return
    is_symbol = isinstance(item, Symbol)
    is_member = is_symbol and item.choice is not None
    needs_scope = not is_member and any(node.prompt for node in item.nodes)
    if needs_scope and marks.scope is None:
        yield f"must have one of the help lines {', '.join(repr(s.value) for s in Scope)}"
    if marks.scope is not None and not needs_scope:
        yield f"has {marks.scope.value!r}, which belongs to what a user can set, as its choice"
    if marks.is_control and not is_member:
        yield f"has {CONTROL!r}, which belongs to members of a choice"
    if marks.interval is not None and not (is_symbol and item.orig_type == STRING):
        yield "has 'Float in', which belongs to string symbols"


def _interval(line: str) -> Interval:
    parts = _INTERVAL.fullmatch(line)
    if parts is None:
        raise ValueError(f"has the help line {line!r}, which is no mark; marks are {_FORMS}")
    left, low, high, right = parts.groups()
    return Interval(float(low), float(high), left == "[", right == "]")
