"""Whether something was learnt: p-values by hand, their correction, and what chance passes for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from espalier.analysis.multiple_tests import holm
from espalier.search.learning import Bar, SeedScore, p_value

BAR = Bar(margin=0.05, alpha=0.01)
SAMPLES, MAJORITY = 216, 22 / 216  # as the digits have


def draw(accuracy: float, samples: int = 10, majority: float = 0.45) -> SeedScore:
    return SeedScore(accuracy, majority, samples)


def test_one_seed_is_judged_by_the_binomial_tail_at_the_limit() -> None:
    # the limit is 0.45 + 0.05 = a half, so counts of heads of ten coins
    assert draw(1.0).p(BAR) == pytest.approx(1 / 1024)
    assert draw(0.9).p(BAR) == pytest.approx(11 / 1024)
    assert draw(0.5).p(BAR) == pytest.approx((252 + 210 + 120 + 45 + 10 + 1) / 1024)
    assert draw(0.0).p(BAR) == 1.0


def test_an_accuracy_cannot_be_surely_above_what_the_tail_allows() -> None:
    assert draw(1.0).low(BAR) == pytest.approx(0.01 ** (1 / 10))  # low**10 = alpha
    assert draw(0.0).low(BAR) == 0.0
    assert draw(0.9, 1000).low(BAR) > draw(0.9, 100).low(BAR)
    for right in range(1, 217):  # the two agree about every count
        score = SeedScore(right / SAMPLES, MAJORITY, SAMPLES)
        assert (score.p(BAR) < BAR.alpha) == (score.low(BAR) > score.limit(BAR))


def test_a_limit_of_everything_cannot_be_beaten() -> None:
    assert draw(1.0, majority=0.97).p(BAR) == 1.0


def test_the_worst_seed_decides() -> None:
    good, bad = draw(0.9, 200), draw(0.5, 200)
    assert p_value([good] * 5, BAR) < 1e-4
    assert p_value([good] * 4 + [bad], BAR) == pytest.approx(bad.p(BAR))


def test_the_mean_over_seeds_is_judged_by_students_t() -> None:
    # excesses 0.1, 0.2, 0.3 over the limit: t = 0.2 / (0.1 / sqrt(3)), with 2 degrees of freedom
    p = p_value([draw(a, 10**6) for a in (0.6, 0.7, 0.8)], BAR)
    t = 0.2 * math.sqrt(3) / 0.1
    assert p == pytest.approx(0.5 * (1 - t / math.sqrt(2 + t * t)))


def test_equal_scores_are_not_sure_ones() -> None:
    same = p_value([draw(0.7, 100)] * 3, BAR)
    t = 0.2 * math.sqrt(3) / 0.05  # the deviation of counting 100 at a half
    assert same == pytest.approx(0.5 * (1 - t / math.sqrt(2 + t * t)))


def test_two_seeds_say_nothing() -> None:
    assert p_value([draw(1.0, 1000)] * 2, BAR) == 1.0
    assert p_value([], BAR) == 1.0


def families(of_one: np.ndarray) -> float:
    """The share of families (n, candidates, seeds) in which anything passes for learning."""
    wrong = 0
    for family in of_one:
        p = [p_value([SeedScore(a, MAJORITY, SAMPLES) for a in seeds], BAR) for seeds in family]
        wrong += min(holm(p, len(p))) < BAR.alpha
    return wrong / len(of_one)


def test_networks_at_the_very_limit_rarely_pass_for_learning() -> None:
    random = np.random.default_rng(0)
    limit = MAJORITY + BAR.margin
    assert families(random.binomial(SAMPLES, limit, (400, 20, 5)) / SAMPLES) <= BAR.alpha


def test_networks_that_are_lucky_with_whole_classes_rarely_do() -> None:
    random = np.random.default_rng(0)
    classes = random.binomial(10, 0.1, (400, 20, 5)) / 10  # all of a class, or none
    assert families(classes) <= BAR.alpha
