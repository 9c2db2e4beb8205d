"""The simulations of verdicts: what they draw, and the form of evidence that they compare with."""

from __future__ import annotations

import numpy as np
import pytest
import verdict_null


def test_evidence_of_signs_by_hand() -> None:
    """The means over b in 0..1 of 1 + b, (1 + b)^2, (1 + b)^2 (1 - b): 3/2, 7/3, 11/12."""
    above, below = np.array([1.0, 2.0, 2.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0])
    e_values = np.exp(verdict_null.log_signs(above, below))
    assert e_values.tolist() == pytest.approx([3 / 2, 7 / 3, 11 / 12, 1.0])


def test_accuracies_are_counts_that_share_the_effect_of_their_seed() -> None:
    scores = verdict_null.accuracy(216, 0.97)(np.random.default_rng(1), 50, 40)
    assert scores.shape == (50, 40)
    assert np.allclose(scores * 2.16, np.round(scores * 2.16))
    assert scores.mean() == pytest.approx(97, abs=0.3)
    assert np.corrcoef(scores)[0, 1:].mean() > 0.1


def test_the_margins_edge_of_accuracies_is_one_point() -> None:
    differences = verdict_null.one_point(np.random.default_rng(1), 2000, 40)
    assert differences.mean() == pytest.approx(1, abs=0.03)


def test_equal_ones_have_a_share_for_each_statement() -> None:
    rng = np.random.default_rng(1)
    figures = verdict_null.equal_ones("normal", verdict_null.normal, rng, 5, 4)
    assert [figure.goal for figure in figures] == ["<= 5"] * 4
    assert all(0 <= figure.value <= 100 for figure in figures)
