"""Priority, then first come, first served."""

from __future__ import annotations

import pytest
from trial_results import trial

from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.run.packing.pack_queue import PackLimits, PackQueue
from espalier.run.packing.priority import Priority

AXES = [{"symbol": "RATE", "values": ["0.1", "0.2"]}, {"symbol": "SEED", "values": ["7", "3"]}]


def trials() -> list[Trial]:
    """Numbers 1 to 4: RATE 0.1 with seeds 7 and 3, then RATE 0.2 with both."""
    places = [("0.1", 7), ("0.1", 3), ("0.2", 7), ("0.2", 3)]
    return [trial(number, seed, RATE=rate) for number, (rate, seed) in enumerate(places, 1)]


def order(text: str) -> list[int]:
    return [each.number for each in Priority(text, AXES).ordered(trials())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4]),
        ("SEED", [1, 3, 2, 4]),  # 7 comes before 3 in the range file
        ("CONFIG_SEED", [1, 3, 2, 4]),
        ("RATE=0.2", [3, 4, 1, 2]),
        ("SEED=3", [2, 4, 1, 3]),
        ("SEED=3, RATE=0.2", [4, 2, 3, 1]),
        ("RATE=0.2,SEED", [3, 4, 1, 2]),
    ],
)
def test_priority_first_and_the_plans_order_among_equals(text: str, expected: list[int]) -> None:
    assert order(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DEPTH", "PRIORITY=DEPTH: must name a swept symbol; swept: RATE, SEED"),
        ("RATE=0.3", "PRIORITY=RATE=0.3: no trial has it; known: 0.1, 0.2"),
    ],
)
def test_what_is_not_swept_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        Priority(text, AXES)
    assert str(caught.value) == says


def test_a_trial_that_is_tried_again_waits_behind_its_equals_only() -> None:
    waiting = PackQueue(1, PackLimits(), trials(), Priority("RATE=0.2", AXES))
    first = waiting.next(lambda first, n: 1, lambda trial: True)
    assert first is not None
    assert [each.number for each in first[1]] == [3]
    waiting.add(first[1][0])
    assert [each.number for each in waiting] == [4, 3, 1, 2]
