"""Marks: lines of a symbol's help text that the harness reads.

Kconfig cannot say that a string is a number, or that a symbol is no part of a trial's identity. So
the help text says it, in a line of its own and in exactly these words:

| line | stands in the help of | means |
|---|---|---|
| `Identity: no` | what a user can set | a setting of the sweep, outside of a trial's identity |
| `Identity: content` | a path | what its file holds is part of a trial, where it lies is not |
| `Pack: same` | what a user can set | equal in all trials of a pack (trained as one program) |
| `Pack: may differ` | what a user can set | each trial of a pack may have a value of its own |
| `Trust: needed` | what a user can set | a path, or a check: not taken from a file of others |
| `Absent: 0` | what a user can set | with this value it is not in a configuration |
| `Control: yes` | a member of a choice | reports compare the other members with it |
| `Float in [a, b)` | a string | a number in this interval |
| `Measure: name max` | anything | trials record the number `name`; more is better (`min`: less) |

The first four are scopes. Every symbol and every choice with a prompt has one of them. The members
of a choice have that of their choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from kconfiglib import STRING, Choice, Symbol

from espalier.core.measures import MAX, MIN
from espalier.kconfig.values import AllowedRange


class Scope(Enum):
    """The trials that have one value of a symbol in common."""

    SWEEP = "Identity: no"
    CONTENT = "Identity: content"
    PACK = "Pack: same"
    TRIAL = "Pack: may differ"


CONTROL = "Control: yes"
TRUST = "Trust: needed"
_SCOPES = tuple(scope.value for scope in Scope)
_OTHERS = ("Absent: 0", "Float in [a, b)", "Measure: name max")
_FORMS = ", ".join(map(repr, [*_SCOPES, TRUST, CONTROL, *_OTHERS]))
_ABSENT = re.compile(r"Absent: (\S+)")
_MEASURE = re.compile(rf"Measure: (\S+) ({MAX}|{MIN})")
_INTERVAL = re.compile(r"Float in ([\[(])\s*([^\s,]+)\s*,\s*([^\s,\])]+)\s*([\])])")
_LINES = re.compile(  # lines that begin like a mark, in any spelling
    r"^[ \t]*((?:identity|packs?|trust|controls?|measures?|absent)[ \t]*[:=].*"
    r"|floats?[ \t]+(?:in|between|from)\b.*)$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Marks:
    """The marks of a help text; None where it has no such line."""

    scope: Scope | None
    is_control: bool
    interval: AllowedRange | None
    needs_trust: bool = False
    measures: tuple[tuple[str, str], ...] = ()  # names that trials record, and their directions
    absent: str | None = None  # the value at which a configuration does not have it


def parse(help_text: str) -> Marks:
    """Return the marks of `help_text`.

    Raises ValueError for a line that is almost a mark, and for two marks that contradict.
    """
    lines = [line.rstrip() for line in _LINES.findall(help_text)]
    measures = {line: part for line in lines if (part := _MEASURE.fullmatch(line))}
    absent = {line: part[1] for line in lines if (part := _ABSENT.fullmatch(line))}
    plain = {*_SCOPES, TRUST, CONTROL, *measures, *absent}
    intervals = [_interval(line) for line in lines if line not in plain]
    scopes = [Scope(line) for line in lines if line in _SCOPES]
    if any(len(kind) > 1 for kind in (scopes, intervals, [*absent])):
        raise ValueError(f"has more than one help line of a kind: {', '.join(map(repr, lines))}")
    interval = next(iter(intervals), None)
    scope = next(iter(scopes), None)
    named = tuple((part[1], part[2]) for part in measures.values())
    left_out = next(iter(absent.values()), None)
    return Marks(scope, CONTROL in lines, interval, TRUST in lines, named, left_out)


def of(item: Symbol | Choice) -> Marks:
    """Return the marks of a symbol or choice, wherever it is defined.

    Raises ValueError, whose text is the rule, for a mark that is misspelt, missing or misplaced.
    """
    marks = parse("\n".join(node.help for node in item.nodes if node.help))
    choice = item.choice if isinstance(item, Symbol) else None
    can_be_set = any(node.prompt for node in item.nodes)
    if marks.scope is None and can_be_set and choice is None:
        raise ValueError(f"must have one of the help lines {', '.join(map(repr, _SCOPES))}")
    if marks.scope is not None and (choice or not can_be_set):
        owner = "its choice" if choice else "what a user can set"
        raise ValueError(f"has {marks.scope.value!r}, which belongs to {owner}")
    if marks.needs_trust and (choice or not can_be_set):
        raise ValueError(f"has {TRUST!r}, which belongs to what a user can set")
    if marks.absent is not None and (choice or not can_be_set):
        raise ValueError(f"has 'Absent: {marks.absent}', which belongs to what a user can set")
    if marks.is_control and choice is None:
        raise ValueError(f"has {CONTROL!r}, which belongs to members of a choice")
    if marks.interval is not None and item.orig_type != STRING:
        raise ValueError("has 'Float in', which belongs to string symbols")
    return marks


def _interval(line: str) -> AllowedRange:
    parts = _INTERVAL.fullmatch(line)
    if parts is None:
        raise ValueError(f"has the help line {line!r}, which is no mark; marks are {_FORMS}")
    left, low, high, right = parts.groups()
    return AllowedRange(float(low), float(high), left == "[", right == "]")
