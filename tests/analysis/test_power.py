"""What n paired seeds can show, against published tables and simulation."""

import numpy as np
import pytest
from scipy import stats

from espalier.analysis.equivalence import Answer, answer
from espalier.analysis.power import (
    POWER,
    detectable_difference,
    equivalence_power,
    power,
    seeds_for_equivalence,
    seeds_needed,
)


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_seeds_are_those_of_the_published_tables(effect, n):
    """G*Power 3.1, paired t-test, two-sided, alpha 0.05, power 0.8, for Cohen's three effects."""
    assert power(effect, 1, n - 1) < POWER <= power(effect, 1, n)


def test_the_differences_of_the_earlier_experiments():
    """0.0012 and 0.003 nats, at the paired deviation of 0.0041 that they were published with."""
    for difference, sd, n in ((0.0012, 0.00408, 93), (0.003, 0.004, 16)):
        assert power(difference, sd, n - 1) < POWER <= power(difference, sd, n)


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15), (9, 3), (90, 2)])
def test_seeds_needed_are_those_of_the_tables(effect, n):
    assert seeds_needed(effect, 1) == n
    assert seeds_needed(-3 * effect, 3) == n


def test_a_stricter_level_needs_more_seeds():
    """G*Power 3.1: effect 0.5, alpha 0.01, power 0.8 needs 51 pairs."""
    assert seeds_needed(0.5, 1, 0.01) == 51
    assert detectable_difference(1, 51, 0.01) <= 0.5 < detectable_difference(1, 50, 0.01)


def test_no_difference_is_never_shown_and_without_spread_any_is():
    assert seeds_needed(0, 1) is None
    assert seeds_needed(0.1, 0) == 2
    assert seeds_needed(1e-9, 1) is None
    assert seeds_needed(1e12, 1) == seeds_needed(1, 1e-12) == 2


@pytest.mark.parametrize(("difference", "margin", "n"), [(0, 0.8, 12), (0.3, 1, 15), (0, 0.4, 12)])
def test_power_of_equivalence_is_the_share_of_simulated_answers(difference, margin, n):
    draws = np.random.default_rng(3).normal(difference, 1, (3000, n)).tolist()
    share = sum(answer(row, 0.05, margin).answer is Answer.EQUIVALENT for row in draws) / 3000
    assert equivalence_power(difference, 1, n, margin, 0.05) == pytest.approx(share, abs=0.025)


def test_seeds_for_equivalence_are_the_first_with_that_power():
    n = seeds_for_equivalence(0.5, 1)
    assert n is not None
    enough = [equivalence_power(0, 1, each, 0.5, 0.05) >= POWER for each in (n - 1, n)]
    assert enough == [False, True]
    assert seeds_for_equivalence(0.5, 1, difference=0.2) > n


def test_what_is_not_within_the_margin_is_never_shown_to_be():
    assert seeds_for_equivalence(0.5, 1, difference=-0.5) is None
    assert seeds_for_equivalence(0.0, 1) is None
    assert seeds_for_equivalence(0.5, 0) == 2


def test_power_is_the_share_of_simulated_samples_that_show_it():
    samples = np.random.default_rng(1).normal(0.9, 1.2, (20_000, 8))
    share = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert power(0.9, 1.2, 8) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_what_is_detectable_is_detected_with_that_power(n):
    assert power(detectable_difference(2.5, n), 2.5, n) == pytest.approx(POWER)


def test_without_spread_everything_shows():
    assert detectable_difference(0, 5) == 0


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: detectable_difference(1, 1), "n=1: must be at least 2"),
        (lambda: detectable_difference(-1, 5), "sd=-1: must be finite"),
        (lambda: detectable_difference(float("nan"), 5), "sd=nan: must be finite"),
        (lambda: power(1, 0, 5), "sd=0: must be above 0"),
        (lambda: equivalence_power(0, 1, 1, 1, 0.05), "n=1: must be at least 2"),
        (lambda: equivalence_power(0, 0, 5, 1, 0.05), "sd=0: must be above 0"),
    ],
    ids=["one seed", "negative", "nan", "no spread", "equal: one seed", "equal: no spread"],
)
def test_what_has_no_answer_is_refused(call, why):
    with pytest.raises(ValueError, match=why):
        call()
