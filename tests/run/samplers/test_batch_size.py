"""How many configurations are proposed at once."""

from __future__ import annotations

import pytest

from espalier.run.samplers.batch_size import FreeSlots, batch_size


@pytest.mark.parametrize(
    ("ended", "room", "count"),
    [
        (10, FreeSlots(workers=2, pack=1, seeds=1, at_work=0), 2),
        (10, FreeSlots(workers=2, pack=1, seeds=1, at_work=1), 1),
        (10, FreeSlots(workers=2, pack=1, seeds=3, at_work=0), 1),
        (
            10,
            FreeSlots(workers=2, pack=1, seeds=3, at_work=2),
            1,
        ),  # one worker of two would be idle
        (10, FreeSlots(workers=2, pack=1, seeds=3, at_work=3), 0),
        (10, FreeSlots(workers=2, pack=16, seeds=1, at_work=0), 3),  # a third of those that ended
        (60, FreeSlots(workers=2, pack=16, seeds=1, at_work=0), 20),
        (99, FreeSlots(workers=2, pack=16, seeds=1, at_work=0), 32),  # two packs are full
        (99, FreeSlots(workers=2, pack=16, seeds=1, at_work=16), 16),
        (1, FreeSlots(workers=8, pack=1, seeds=2, at_work=0), 4),  # no worker is idle
    ],
)
def test_as_many_as_fill_the_packs_but_few_beside_those_that_ended(
    ended: int, room: FreeSlots, count: int
) -> None:
    assert batch_size(100, ended, room, 0) == count


def test_no_more_than_are_left() -> None:
    room = FreeSlots(workers=8, pack=1, seeds=1, at_work=0)
    assert batch_size(3, 10, room, 0) == 3
    assert batch_size(3, 10, room, 5) == 3


def test_a_fixed_number_waits_until_nothing_is_at_work() -> None:
    room = FreeSlots(workers=8, pack=4, seeds=1, at_work=0)
    assert batch_size(100, 10, room, 5) == 5
    assert batch_size(100, 10, FreeSlots(workers=8, pack=4, seeds=1, at_work=1), 5) == 0
