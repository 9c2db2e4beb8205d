from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.confidence import (
    Interval,
    Verdict,
    has_spread,
    interval,
    resolution,
    verdict,
)


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


def test_what_subtraction_rounds_is_no_spread() -> None:
    equal = [86.1 - 90.5, 86.7 - 91.1, 87.4 - 91.8]  # -4.4 each, but for rounding
    same, apart = interval(equal), interval([-4.4, -4.3])
    assert same is not None and same.half_width and same.spread is None and not has_spread(same)
    assert apart is not None and apart.spread == apart.half_width and has_spread(apart)
    assert Interval(1.0, 1, None).spread is None


def test_another_level_is_wider_and_has_the_same_error() -> None:
    usual, wide = interval([1.0, 2.0, 3.0]), interval([1.0, 2.0, 3.0], 0.99)
    assert usual is not None and wide is not None and wide.half_width is not None
    assert wide.half_width == pytest.approx(9.9248 / math.sqrt(3), rel=1e-4)  # a printed table
    assert wide.error == pytest.approx(usual.error) == pytest.approx(1 / math.sqrt(3))
    assert Interval(1.0, 1, None).error is None


def test_the_step_of_accuracies_is_one_sample() -> None:
    counts = [180, 204, 198, 203]  # gaps 18, 5, 1
    assert resolution([100 * k / 216 for k in counts]) == pytest.approx(100 / 216)
    assert resolution([100 * k / 216 for k in (180, 190, 194)]) == pytest.approx(200 / 216)


def test_single_precision_does_not_hide_the_step() -> None:
    import numpy as np

    values = [float(np.float32(100 * k / 360)) for k in (301, 340, 333, 352)]
    assert resolution(values) == pytest.approx(100 / 360, rel=1e-3)


def test_what_lies_on_no_scale_has_nearly_no_step() -> None:
    import numpy as np

    losses = np.random.default_rng(1).normal(1.7, 0.01, 40)
    assert 0 < resolution(losses) < 1e-5
    assert resolution([]) == resolution([2.0]) == resolution([2.0, 2.0]) == 0.0
    assert resolution([0.1 + 0.2, 0.3, 0.8]) == pytest.approx(0.5)  # rounding is no gap


@given(st.lists(st.integers(0, 360), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_the_step_is_a_multiple_of_one_sample_whatever_the_order(
    counts: list[int], random: object
) -> None:
    values = [count / 360 for count in counts]
    step = resolution(values)
    assert 360 * step == pytest.approx(round(360 * step))
    random.shuffle(values)  # type: ignore[attr-defined]
    assert resolution(values) == step
