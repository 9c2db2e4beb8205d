"""What the notes of a table say of its comparisons."""

import measuring
import pytest
from measuring import Figure
from scipy import stats

ONE, OTHER = [1.0, 1.4, 0.9, 1.3], [0.2, -0.3, 0.4, 0.1]


def test_comparisons_of_a_family_are_corrected_for_their_number():
    figures = [
        Figure("level", [90.0, 91.0], "%"),
        Figure("a - none", ONE, "points", family="digits"),
        Figure("b - none", OTHER, "points", family="digits"),
        Figure("c - none", ONE, "points", family="mnist_5k"),
    ]
    level, first, second, alone = measuring.summaries(figures)
    p, other = (stats.ttest_1samp(values, 0).pvalue for values in (ONE, OTHER))
    assert level == "level: 90.50 % +/- 6.35 (n=2)"
    assert f"p {p:.2g}, {2 * p:.2g} after Holm over 2; detectable" in first
    assert f"p {other:.2g}, {other:.2g} after Holm over 2" in second
    assert f"p {p:.2g}, {p:.2g} after Holm over 1" in alone


def test_a_single_seed_has_no_interval_and_proves_nothing():
    (note,) = measuring.summaries([Figure("a - b", [3.0], "nats", family="x")], places=4)
    assert note == "a - b: +3.0000 nats no interval (n=1); p 1, 1 after Holm over 1"


@pytest.mark.parametrize("places", [1, 4])
def test_places(places):
    assert f" {1.15:.{places}f} s " in measuring.summarize(Figure("t", [1.1, 1.2], "s"), places)


def test_the_interval_of_a_chance():
    # Clopper and Pearson: of none in 10 the upper end is 1 - 0.025^(1/10)
    assert measuring.share_interval(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert measuring.share_interval(10, 10) == (pytest.approx(0.025**0.1), 1.0)
    low, high = measuring.share_interval(13, 500)
    binomial = stats.binomtest(13, 500).proportion_ci(method="exact")
    assert (low, high) == (pytest.approx(binomial.low), pytest.approx(binomial.high))
