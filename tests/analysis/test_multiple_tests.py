"""p of paired differences, and Holm's correction."""

import math

import pytest
from scipy import stats

from espalier.analysis.confidence import Interval, t_quantile
from espalier.analysis.multiple_tests import holm, more_seeds, paired_p


def test_p_is_that_of_scipys_paired_t_test():
    ours, theirs = [91.2, 88.4, 90.9, 89.0], [90.1, 88.9, 89.5, 88.1]
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    assert paired_p(differences) == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


@pytest.mark.parametrize("values", [[], [3.0], [0.3, 0.3, 0.3], [0.1 + 0.2, 0.3], [0, 0]])
def test_differences_without_a_spread_prove_nothing(values):
    assert paired_p(values) == 1.0


def test_holm_by_hand_and_tests_that_were_not_made_count() -> None:
    assert holm([0.01, 0.04, 0.03], 3) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, 0.04, 0.03], 10) == pytest.approx([0.1, 0.32, 0.27])
    assert holm([0.5, 0.9], 2) == [1.0, 1.0]
    assert holm([], 4) == []


def test_one_of_four_at_035_is_not_significant_after_holm():
    assert min(holm([0.035, 0.2, 0.5, 0.9], 4)) == pytest.approx(0.14)


def test_how_many_more_pairs_would_show_a_difference_as_large_as_that_seen() -> None:
    """Of a deviation as large as the difference 10 pairs show it, of one twice as large 34."""
    assert more_seeds(Interval(1.0, 4, t_quantile(3) * 1.0 / 2)) == 6
    assert more_seeds(Interval(-1.0, 4, t_quantile(3) * 2.0 / 2)) == 30
    assert more_seeds(Interval(1.0, 16, t_quantile(15) * 1.0 / 4)) == 1
    assert more_seeds(Interval(0.0, 4, 1.0)) == math.inf
    assert more_seeds(Interval(1.0, 4, t_quantile(3) * 1.0 / 2), 0.01) > 6
    with pytest.raises(ValueError, match="must have a spread"):
        more_seeds(Interval(1.0, 1, None))
