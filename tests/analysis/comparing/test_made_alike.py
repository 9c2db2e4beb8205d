from __future__ import annotations

from typing import Any

import pytest
from trial_results import passed
from two_arms import arm_trial, of_origin

from espalier.analysis.comparing.made_alike import Unlike, unlike
from espalier.analysis.rank import TrialResult

ORIGIN = {
    "code": {"commit": "a" * 40, "modified": False},
    "versions": {"python": "3.11.2", "torch": "2.5.1"},
    "device": "cpu (x86_64)",
    "data_fingerprint": "f00d",
}


def made(**origin: Any) -> TrialResult:
    return of_origin(passed(arm_trial(1, 1, "state"), 90.0), **ORIGIN | origin)


def test_alike_or_not_recorded_is_not_said() -> None:
    unknown = dict.fromkeys(ORIGIN)
    assert unlike([(made(), made()), (made(), made(**unknown)), (made(**unknown), made())]) == []
    assert unlike([]) == []


@pytest.mark.parametrize(
    ("origin", "what", "sides"),
    [
        (
            {"code": {"commit": "b" * 40, "modified": False}},
            "code",
            ("commit aaaaaaaaaaaa", "commit bbbbbbbbbbbb"),
        ),
        ({"data_fingerprint": "beef"}, "data", ("f00d", "beef")),
        (
            {"versions": {"python": "3.11.2", "torch": "2.6.0", "numpy": "2"}},
            "versions",
            ("torch 2.5.1", "torch 2.6.0"),
        ),
        ({"device": "NVIDIA H200"}, "device", ("cpu (x86_64)", "NVIDIA H200")),
    ],
)
def test_what_differs_is_said_with_both_sides(
    origin: dict[str, Any], what: str, sides: tuple[str, str]
) -> None:
    pairs = [(made(), made()), (made(), made(**origin)), (made(), made(**origin))]
    assert unlike(pairs) == [Unlike(what, 2, 3, sides)]


def test_of_several_sides_the_usual_one_is_said() -> None:
    others = [made(device=name) for name in ("a", "b", "b")]
    (item,) = unlike([(made(), other) for other in others])
    assert (item.count, item.sides) == (3, ("cpu (x86_64)", "b"))
