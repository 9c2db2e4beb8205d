"""When masks change, and to what sparsity: hand-computed."""

import pytest

from espalier.sparse.schedule import Schedule, last_event


def schedule(**changes: object) -> Schedule:
    values = {"target": 0.8, "warmup": 10, "ramp_end": 30, "frequency": 5, **changes}
    return Schedule(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("curve", "step", "expected"),
    [
        ("cubic", 5, 0.0),
        ("cubic", 10, 0.0),
        ("cubic", 15, 0.8 * (1 - 0.75**3)),  # a quarter of the ramp
        ("cubic", 20, 0.7),  # 0.8 * (1 - 1/8)
        ("cubic", 30, 0.8),
        ("cubic", 99, 0.8),
        ("late_cubic", 20, 0.1),  # 0.8 / 8
        ("late_cubic", 30, 0.8),
        ("linear", 15, 0.2),
        ("linear", 20, 0.4),
        ("linear", 1000, 0.8),
    ],
)
def test_sparsity_follows_the_curve(curve: str, step: int, expected: float) -> None:
    assert schedule(curve=curve).sparsity(step) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [15, 20, 25, 30]),
        ({"frequency": 7}, [17, 24, 30]),  # the end of the ramp, though it is no multiple
        ({"frequency": 100}, [30]),
        ({"warmup": 0, "ramp_end": 4, "frequency": 1}, [1, 2, 3, 4]),
    ],
)
def test_masks_change_at_these_steps(changes: dict[str, object], expected: list[int]) -> None:
    made = schedule(**changes)
    assert [step for step in range(200) if made.is_update(step)] == expected


@pytest.mark.parametrize(
    "changes",
    [{"target": 1.0}, {"target": -0.1}, {"ramp_end": 10}, {"warmup": -1}, {"frequency": 0}],
)
def test_a_schedule_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        schedule(**changes)


@pytest.mark.parametrize(
    ("stop", "total", "expected"),
    [
        (0.6, 100, 60),
        (0.29, 100, 29),  # 28.999999999999996 in binary
        (0.75, 10, 7),  # 7.5
        (1.0, 10, 9),  # never the last of all
    ],
)
def test_the_last_event(stop: float, total: int, expected: int) -> None:
    assert last_event(stop, total) == expected
