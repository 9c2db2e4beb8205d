from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.confidence import Interval, Verdict, interval, verdict


def test_no_values_have_no_mean() -> None:
    assert interval([]) is None


def test_one_value_has_a_mean_and_no_interval() -> None:
    result = interval([88.5])
    assert result == Interval(88.5, 1, None)
    assert (result.low, result.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("values", "half"),
    [
        # t(0.975, n-1) * s / sqrt(n), t from a printed table: 12.7062, 4.3027, 2.7764
        ([1.0, 3.0], 12.7062 * math.sqrt(2) / math.sqrt(2)),
        ([1.0, 2.0, 3.0], 4.3027 * 1.0 / math.sqrt(3)),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 2.7764 * math.sqrt(2.5) / math.sqrt(5)),
    ],
)
def test_half_width_by_hand(values: list[float], half: float) -> None:
    result = interval(values)
    assert result is not None and result.half_width is not None
    assert result.n == len(values)
    assert result.half_width == pytest.approx(half, rel=1e-4)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_order_of_values_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert interval(values) == interval(shuffled)


@given(st.floats(0, 100), st.integers(2, 6))
def test_equal_values_have_no_width(value: float, n: int) -> None:
    assert interval([value] * n) == Interval(value, n, 0.0)


def test_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    import numpy as np

    draws = np.random.default_rng(1).normal(50, 3, (4000, 3))
    covered = sum(
        result.low <= 50 <= result.high for row in draws if (result := interval(list(row)))
    )
    assert covered / 4000 == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([0.4], Verdict.UNKNOWN),
        ([0.0, 0.0], Verdict.TIED),
        ([1.0, -1.0, 0.5], Verdict.TIED),
        ([5.0, 5.1, 4.9], Verdict.BEHIND),
        ([0.3, 0.3, 0.3], Verdict.UNKNOWN),
        ([91.37 - 91.07, 95.82 - 95.52], Verdict.UNKNOWN),  # equal but for rounding
    ],
)
def test_verdict(differences: list[float], expected: Verdict) -> None:
    assert verdict(interval(differences)) is expected
