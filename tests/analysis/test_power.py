"""What n paired seeds can show, against published tables and simulation."""

import numpy as np
import pytest
from scipy import stats

from espalier.analysis.power import POWER, detectable_difference, power


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_seeds_are_those_of_the_published_tables(effect, n):
    """G*Power 3.1, paired t-test, two-sided, alpha 0.05, power 0.8, for Cohen's three effects."""
    assert power(effect, 1, n - 1) < POWER <= power(effect, 1, n)


def test_the_differences_of_the_earlier_experiments():
    """0.0012 and 0.003 nats, at the paired deviation of 0.0041 that they were published with."""
    for difference, sd, n in ((0.0012, 0.00408, 93), (0.003, 0.004, 16)):
        assert power(difference, sd, n - 1) < POWER <= power(difference, sd, n)


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
    ],
    ids=["one seed", "negative", "nan", "no spread"],
)
def test_what_has_no_answer_is_refused(call, why):
    with pytest.raises(ValueError, match=why):
        call()
