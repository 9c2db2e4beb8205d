"""The meaning of the marks in help texts; `test_lint_report` has faulty marks."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from espalier.kconfig import marks, tree
from espalier.kconfig.marks import Marks, Scope
from espalier.kconfig.symbols import Symbols


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Any text.", Marks(None, False, None)),
        ("Any text.\nIdentity: no", Marks(Scope.SWEEP, False, None)),
        ("Any text.\nIdentity: content", Marks(Scope.CONTENT, False, None)),
        ("Any text.\n  Pack: same\n", Marks(Scope.PACK, False, None)),
        ("Pack: may differ\nAny text.", Marks(Scope.TRIAL, False, None)),
        ("Any text.\nControl: yes", Marks(None, True, None)),
        ("Measure: luck max", Marks(None, False, None, measures=(("luck", "max"),))),
        (
            "Measure: a/b min\nMeasure: luck max",
            Marks(None, False, None, measures=(("a/b", "min"), ("luck", "max"))),
        ),
        ("Pack: same\nAbsent: 0", Marks(Scope.PACK, False, None, absent="0")),
        ("Say Identity: no, or not.", Marks(None, False, None)),  # not a line of its own
    ],
)
def test_marks(text: str, expected: Marks) -> None:
    assert marks.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("A share.\nFloat in [0, 1)", [0, 0.5], [-1e-9, 1, 2]),
        ("Float in (0, inf)", [1e-9, 1e300], [0, -1, math.inf]),
        ("Float in [-1,1]", [-1, 1], [-1.1, 1.1]),
    ],
)
def test_intervals(text: str, inside: list[float], outside: list[float]) -> None:
    declared = marks.parse(text).interval
    assert declared is not None
    assert [x for x in inside if x not in declared] == []
    assert [x for x in outside if x in declared] == []
    assert marks.parse(f"Float in {declared}").interval == declared


def test_an_interval_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        marks.parse("Float in [zero, 1]")


@pytest.mark.parametrize(
    "line",
    ["Identity: yes", "pack: same", "Control : yes", "Float in 0..1", "Measure: luck", "Absent:"],
)
def test_a_line_that_is_almost_a_mark(line: str) -> None:
    with pytest.raises(ValueError, match=f"the help line '{line}', which is no mark; marks are"):
        marks.parse(f"Any text.\n{line}")


def test_two_marks_that_disagree() -> None:
    with pytest.raises(ValueError, match="more than one help line of a kind: 'Identity: no', 'Pa"):
        marks.parse("Identity: no\nPack: same")


def test_everything_that_a_user_can_set_says_who_shares_its_value() -> None:
    symbols = Symbols(tree.parse())
    scopes = Counter(marks.of(symbols.item(name)).scope for name in symbols.prompted)
    assert set(scopes) == set(Scope)
