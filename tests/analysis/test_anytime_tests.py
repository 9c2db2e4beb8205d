"""e-values of paired differences: by hand, against integrals, and how often they mislead."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import integrate, stats

from espalier.analysis.anytime_tests import SCALES, log_evidence, reaches, t_evidence

DIFFERENCES = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=1, max_size=12)


def log_of_t(t: float, n: int) -> float:
    """Return the logarithm of the e-value of n differences with this t and a variance of 1."""
    total, squares = t * math.sqrt(n), n - 1 + t**2
    return float(log_evidence(*map(np.array, (float(n), total, squares)), 0.0))


def crossing(differences: np.ndarray, step: float, limit: float) -> float:
    """Return the share of rows whose evidence reaches `limit` at some time."""
    n = np.arange(1.0, differences.shape[1] + 1) + np.zeros_like(differences)
    total, squares = differences.cumsum(axis=1), (differences**2).cumsum(axis=1)
    reached = reaches(n, np.maximum(total, 0), squares, step, math.log(limit)) & (total > 0)
    return float(reached.any(axis=1).mean())


def test_one_difference_is_worth_its_sign_alone() -> None:
    """2 P(t with 1 degree < sqrt(g)) = 1 + 2 / pi * atan(sqrt(g)): 1.5, 1.805, 1.937."""
    expected = (1.5 + 1.80502 + 1.93655) / 3
    assert t_evidence([7.0]) == [pytest.approx(expected, abs=1e-5)]
    assert t_evidence([-7.0]) == [pytest.approx(2 - expected, abs=1e-5)]


@pytest.mark.parametrize(("n", "t"), [(2, 0.7), (4, 2.5), (4, -1.0), (12, 3.0)])
def test_it_is_the_ratio_of_densities_of_t_averaged_over_effects(n: int, t: float) -> None:
    def ratio(effect: float, g: float) -> float:
        prior = 2 * stats.norm.pdf(effect, 0, math.sqrt(g))
        return float(prior * stats.nct.pdf(t, n - 1, effect * math.sqrt(n)))

    means = [integrate.quad(ratio, 0, 8, args=(g,), limit=200)[0] for g in SCALES]
    expected = sum(means) / len(SCALES) / stats.t.pdf(t, n - 1)
    assert math.exp(log_of_t(t, n)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40, 200])
def test_its_mean_is_1_where_nothing_is_true(n: int) -> None:
    def weighted(x: float) -> float:  # t = sinh(x), since its tails are long
        t = math.sinh(x)
        return math.exp(log_of_t(t, n) + stats.t.logpdf(t, n - 1)) * math.cosh(x)

    assert integrate.quad(weighted, -30, 30, limit=400)[0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("sd", [1e-3, 1.0, 1e4])
def test_it_seldom_misleads_at_any_time_up_to_200(sd: float) -> None:
    draws = np.random.default_rng(1).normal(0, sd, (4000, 200))
    for a in (0.05, 0.01):
        assert 0 < crossing(draws, 0.0, 1 / a) <= a
    assert crossing(draws - sd / 10, 0.0, 20) < crossing(draws, 0.0, 20)


@pytest.mark.parametrize("sd", [0.5, 1.0, 2.0, 4.0])
def test_lumpy_differences_seldom_mislead_with_the_step_of_their_scale(sd: float) -> None:
    """Two networks on 216 samples that share most errors: sd^2 samples differ, one way or other."""
    rng = np.random.default_rng(2)
    apart = rng.binomial(216, sd**2 / 216, (20_000, 40))
    lumpy = 2.0 * rng.binomial(apart, 0.5) - apart
    for a in (0.05, 0.05 / 4, 0.05 / 19, 0.05 / 49):
        assert crossing(lumpy, 1.0, 1 / a) <= a


def test_without_the_step_lumpy_differences_mislead() -> None:
    """So the test above can fail: whole steps of a deviation of 1, at the limit of 50 equal."""
    lumpy = np.round(np.random.default_rng(3).normal(0, 1, (20_000, 40)))
    assert crossing(lumpy, 0.0, 49 / 0.05) > 2 * 0.05 / 49
    assert crossing(lumpy, 1.0, 49 / 0.05) < 0.05 / 49


@given(DIFFERENCES, st.sampled_from([0.125, 3.0, 1e6]))
def test_the_unit_does_not_matter(differences: list[float], unit: float) -> None:
    scaled = t_evidence([unit * each for each in differences], unit * 0.1)
    assert scaled == pytest.approx(t_evidence(differences, 0.1))


@given(DIFFERENCES, st.floats(0, 10))
@example([0.0], 9.4e-160)  # its square is hardly a number
def test_a_step_never_adds_evidence(differences: list[float], step: float) -> None:
    with_step, without = t_evidence(differences, step), t_evidence(differences)
    for less, more in zip(with_step, without, strict=True):
        assert less <= max(more, 1) * (1 + 1e-9)


@given(DIFFERENCES, st.integers(1, 12))
def test_later_differences_do_not_change_earlier_evidence(values: list[float], n: int) -> None:
    assert t_evidence(values)[:n] == t_evidence(values[:n])


def test_ties_alone_are_no_evidence() -> None:
    assert t_evidence([0.0] * 5) == [1.0] * 5
    assert t_evidence([]) == []


def test_it_is_stable_far_out() -> None:
    assert t_evidence([1.0] * 300)[-1] == math.inf
    assert t_evidence([-1.0] * 300)[-1] == pytest.approx(0)
    assert all(math.isfinite(each) for each in t_evidence([1e150, 2e150, -1e-150]))


@given(DIFFERENCES, st.floats(0.1, 8), st.sampled_from([0.0, 1.0]))
def test_the_quick_answer_is_that_of_the_evidence(
    values: list[float], limit: float, step: float
) -> None:
    total = np.cumsum(values)
    n, squares = np.arange(1.0, len(values) + 1), np.cumsum(np.square(values))
    slow = log_evidence(n, total, squares, step) >= limit
    quick = reaches(n, total, squares, step, limit)
    assert quick[total >= 0].tolist() == slow[total >= 0].tolist()
