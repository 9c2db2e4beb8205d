"""Better, worse, equivalent or undecided, against scipy's one-sided tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from espalier.analysis.confidence import Interval
from espalier.analysis.equivalence import Answer, PairedAnswer, answer

SEEN = [0.31, 0.12, 0.24, 0.08, 0.2]


def p_within(differences: list[float], margin: float) -> float:
    above = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    return float(max(above, below))


def test_better_with_its_numbers() -> None:
    said = answer(SEEN, 0.05, 0)
    assert said.answer is Answer.BETTER
    assert said.p == pytest.approx(stats.ttest_1samp(SEEN, 0).pvalue)
    low, high = stats.ttest_1samp(SEEN, 0).confidence_interval(0.95)
    assert said.difference is not None
    assert (said.difference.low, said.difference.high) == pytest.approx((low, high))
    assert said.p_within == 1.0


def test_worse_is_better_the_other_way_round() -> None:
    assert answer([-each for each in SEEN], 0.05, 0).answer is Answer.WORSE


def test_the_level_of_the_interval_is_that_of_the_test() -> None:
    said = answer(SEEN, 0.01, 0)
    low, high = stats.ttest_1samp(SEEN, 0).confidence_interval(0.99)
    assert said.difference is not None
    assert (said.difference.low, said.difference.high) == pytest.approx((low, high))
    assert 0.007 < said.p < 0.01 and said.answer is Answer.BETTER and low > 0
    assert answer(SEEN, 0.005, 0).answer is Answer.UNDECIDED


def test_equivalent_is_said_before_better() -> None:
    said = answer(SEEN, 0.05, 0.5)
    assert said.p <= 0.05
    assert said.p_within == pytest.approx(p_within(SEEN, 0.5))
    assert said.answer is Answer.EQUIVALENT
    assert answer(SEEN, 0.05, 0.2).answer is Answer.BETTER


@pytest.mark.parametrize("margin", [0.02, 0.1, 0.3])
def test_the_larger_p_of_two_tests_counts(margin: float) -> None:
    values = [0.05, -0.1, 0.02, 0.07, -0.03]
    assert answer(values, 0.05, margin).p_within == pytest.approx(p_within(values, margin))
    assert answer([-v for v in values], 0.05, margin).p_within == pytest.approx(
        p_within([-v for v in values], margin)
    )


@pytest.mark.parametrize("values", [[], [0.3], [0.2, 0.2, 0.2], [0.0, 0.0], [0.1 + 0.2, 0.3]])
def test_no_spread_leaves_it_undecided(values: list[float]) -> None:
    said = answer(values, 0.05, 1)
    assert (said.answer, said.p, said.p_within) == (Answer.UNDECIDED, 1.0, 1.0)
    assert said.difference == (None if not values else said.difference)


def test_one_pair_has_a_difference_and_no_interval() -> None:
    alone = Interval(0.3, 1, None, 1 - 0.1)
    assert answer([0.3], 0.1, 0) == PairedAnswer(Answer.UNDECIDED, alone, 1.0, 1.0)


@pytest.mark.parametrize(("n", "sd"), [(5, 0.3), (10, 0.6), (20, 1.0)])
def test_at_the_edge_of_the_margin_equivalence_is_seldom_said(n: int, sd: float) -> None:
    draws = np.random.default_rng(n).normal(1, sd, (3000, n))
    said = [answer(row, 0.05, 1.0).answer for row in draws.tolist()]
    share = said.count(Answer.EQUIVALENT) / 3000
    assert share == pytest.approx(0.05, abs=0.015)
