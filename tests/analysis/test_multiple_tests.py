"""p of paired differences, and Holm's correction."""

import pytest
from scipy import stats

from espalier.analysis.multiple_tests import holm, paired_p


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
