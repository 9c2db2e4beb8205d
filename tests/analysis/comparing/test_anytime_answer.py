from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from espalier.analysis.anytime_tests import t_evidence
from espalier.analysis.comparing.anytime_answer import answer_anytime, bounds_anytime, seeds_anytime
from espalier.analysis.equivalence import Answer

BETTER, WORSE, EQUIVALENT, UNDECIDED = Answer


def doubling(differences: Sequence[float]) -> list[float]:
    """Evidence for hand computation: each difference above 0 doubles it, each below halves it."""
    values, e = [], 1.0
    for difference in differences:
        e *= 2.0 if difference > 0 else 0.5 if difference < 0 else 1.0
        values.append(e)
    return values


def test_better_needs_two_over_alpha() -> None:
    four, five = [1.0, 2.0] * 2, [1.0, 2.0, 1.0, 2.0, 1.0]
    assert answer_anytime(four, 0.1, 0.0, doubling).answer is UNDECIDED  # 16 < 20
    said = answer_anytime(five, 0.1, 0.0, doubling)  # 32 >= 20
    assert (said.answer, said.p, said.p_within) == (BETTER, 2 / 32, 1.0)
    assert answer_anytime([-x for x in five], 0.1, 0.0, doubling).answer is WORSE


def test_what_was_reached_once_stays() -> None:
    later = [1.0, 2.0, 1.0, 2.0, 1.0, -1.0, -1.0]
    assert answer_anytime(later, 0.1, 0.0, doubling).answer is BETTER


def test_equivalent_needs_one_over_alpha_on_both_sides() -> None:
    near = [0.1, -0.1, 0.1, -0.1]  # all within the margin: 16 on both sides
    assert answer_anytime(near, 0.1, 0.5, doubling).answer is EQUIVALENT
    assert answer_anytime(near, 0.1, 0.5, doubling).p_within == 1 / 16
    assert answer_anytime(near, 0.05, 0.5, doubling).answer is UNDECIDED
    assert answer_anytime([0.9, 0.7, 0.8, 0.9], 0.1, 0.5, doubling).answer is UNDECIDED


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 9])
def test_without_spread_nothing_is_said(values: list[float]) -> None:
    assert answer_anytime(values, 0.1, 2.0, doubling).answer is UNDECIDED
    assert answer_anytime(values, 0.1, 2.0, doubling).p == 1.0


def test_the_interval_ends_where_the_evidence_is_enough() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    # five doublings reach 20: the first five are all above what is below 1, and below 5
    assert bounds_anytime(values, 0.1, doubling) == (pytest.approx(1.0), pytest.approx(5.0))
    assert bounds_anytime(values[:4], 0.1, doubling) == (-math.inf, math.inf)
    assert bounds_anytime([], 0.1, doubling) == (-math.inf, math.inf)


def test_the_interval_and_the_answer_agree() -> None:
    values = [0.5, 0.25, 0.75, 0.5, 0.4, 0.6, 0.3, 0.7, 0.45]
    low, high = bounds_anytime(values, 0.05, t_evidence)
    assert answer_anytime(values, 0.05, 0.0, t_evidence).answer is BETTER
    assert 0 < low < sum(values) / len(values) < high < 1.5
    shifted = [value - low for value in values]
    assert max(t_evidence(shifted)) == pytest.approx(40)
    nothing = [value - 0.45 for value in values]
    low, high = bounds_anytime(nothing, 0.05, t_evidence)
    assert answer_anytime(nothing, 0.05, 0.0, t_evidence).answer is UNDECIDED
    assert low < 0 < high


def test_seeds_that_decide_if_the_differences_came_again() -> None:
    assert seeds_anytime([1.0, 2.0], 0.1, 0.0, doubling) == 5  # 32 >= 20
    assert seeds_anytime([1.0, 2.0, -1.0], 0.1, 0.0, doubling) == 11  # 2, 4, 2, 4, 8, 4, ...
    assert seeds_anytime([1.0, -1.0], 0.1, 0.0, doubling) is None
    assert seeds_anytime([1.0, -1.0], 0.1, 2.0, doubling) == 4  # within the margin: 16 >= 10
