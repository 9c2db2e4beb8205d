"""What a schedule of growth leaves alone before the network is measured."""

import pytest

from espalier.core.run_length import RunLength
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule


@pytest.mark.parametrize(
    ("events", "stop", "rest"),
    [(6, 0.75, (390, 195)), (6, 0.95, (78, 247)), (1, 0.6, (624, 468)), (1, 0.9, (156, 702))],
)
def test_what_is_left_alone_after_the_last_event(events, stop, rest):
    """Of 1,560 steps; the second and the last leave less than an interval."""
    left = GrowthSchedule(events, stop, "clock").rest(RunLength(40, 39))
    assert left == (*rest, "GROWTH_STOP")
