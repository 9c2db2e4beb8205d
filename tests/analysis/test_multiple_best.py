"""Who is behind the best: against scipy's test, and the error rate over whole tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from espalier.analysis.multiple_best import are_behind, behind_the_best, rivals

TABLE = [[90.2, 91.7, 90.9, 91.3], [91.9, 92.8, 92.1, 93.3], [92.0, 92.4, 92.6, 93.0]]


def by_draw(rows: list[list[float]]) -> list[dict[object, float]]:
    return [{(str(seed), ""): score for seed, score in enumerate(row)} for row in rows]


def one_sided(better: list[float], worse: list[float]) -> float:
    return float(stats.ttest_rel(better, worse, alternative="greater").pvalue)


def test_it_is_bonferronis_one_sided_t_test() -> None:
    p = min(one_sided(other, TABLE[0]) for other in TABLE[1:])
    assert 0.0005 < p < 0.02
    scores = by_draw(TABLE)
    assert behind_the_best(scores, 2.05 * p) == [True, False, False]
    assert behind_the_best(scores, 1.95 * p)[0] is False  # two others, each at half of alpha


def test_the_best_is_not_named_in_advance() -> None:
    """The first is behind the third alone, of fewer seeds and a lower mean."""
    rows = by_draw([[1.0, 2.0, 3.0, 9.0], [0.0, 4.3, 1.0, 30.0], [2.0, 3.01, 3.99]])
    assert behind_the_best(rows) == [True, False, False]


@pytest.mark.parametrize(
    "rows",
    [[], [[1.0, 2.0]], [[1.0], [9.0]], [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], [[1.0] * 4] * 3],
    ids=["none", "one", "one seed", "the same difference", "ties"],
)
def test_what_says_nothing_about_chance(rows: list[list[float]]) -> None:
    assert behind_the_best(by_draw(rows)) == [False] * len(rows)


def test_only_draws_that_both_have_are_compared() -> None:
    first, second = {1: 1.0, 2: 2.0, 3: 3.1}, {3: 9.0, 4: 9.1, 5: 9.3}
    assert behind_the_best([first, second, {}]) == [False, False, False]


def test_one_without_a_score_is_no_comparison() -> None:
    p = one_sided(TABLE[2], TABLE[0])
    assert behind_the_best([*by_draw([TABLE[0], TABLE[2]]), {}, {}], 2.05 * p)[0] is True


def test_of_two_equal_ones_either_may_err_so_the_test_is_two_sided() -> None:
    two = [TABLE[0], TABLE[2]]
    p = float(stats.ttest_rel(*two).pvalue)
    assert behind_the_best(by_draw(two), 1.02 * p) == [True, False]
    assert behind_the_best(by_draw(two), 0.98 * p) == [False, False]


def test_lumpy_scores_need_more_than_a_small_spread() -> None:
    """Steps of 1: differences of 1, 1, 1, 1, 2 have t = 6; with the rounding it is 4.4."""
    low, high = [90.0, 92.0, 91.0, 93.0, 95.0], [91.0, 93.0, 92.0, 94.0, 97.0]
    assert one_sided(high, low) == pytest.approx(0.0019, abs=1e-4)
    assert behind_the_best(by_draw([low, high]), 0.01) == [False, False]
    assert behind_the_best(by_draw([low, high]), 0.02) == [True, False]


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_of_configurations_nor_of_draws_matters(
    rows: list[list[float]], random: object
) -> None:
    scores = by_draw(rows)
    places = list(range(len(rows)))
    random.shuffle(places)  # type: ignore[attr-defined]
    shuffled = [dict(reversed(scores[i].items())) for i in places]
    there = behind_the_best(scores)
    assert behind_the_best(shuffled) == [there[i] for i in places]


@pytest.mark.parametrize("n", [3, 10, 40])
@pytest.mark.parametrize("lumps", [0.0, 360.0])
def test_an_equal_one_is_seldom_called_behind(n: int, lumps: float) -> None:
    rng = np.random.default_rng(n)
    behind = []
    for _ in range(250):
        common = rng.uniform(0.92, 0.98, n)
        smooth = common + rng.normal(0, 0.01, (20, n))
        scores = rng.binomial(360, common, (20, n)) / 3.6 if lumps else smooth
        behind.append(are_behind(scores, 0.05).mean())
    assert 0 < np.mean(behind) <= 0.05


def is_behind(own: dict[object, float], others: list[dict[object, float]], level: float) -> bool:
    """The definition, a pair at a time."""
    for other in others:
        common = [draw for draw in own if draw in other]
        pairs = [other[draw] for draw in common], [own[draw] for draw in common]
        differences = {round(a - b, 9) for a, b in zip(*pairs, strict=True)}
        if len(differences) > 1 and one_sided(*pairs) <= level:
            return True
    return False


@pytest.mark.parametrize("lost", [0.0, 0.2], ids=["complete", "with gaps"])
@pytest.mark.parametrize("spread", [0.0, 0.5], ids=["alike", "apart"])
def test_many_are_told_apart_as_a_pair_at_a_time(lost: float, spread: float) -> None:
    """More than are compared with first, so that all ways through them are taken."""
    rng = np.random.default_rng(5)
    means, shape = rng.normal(90, spread, (60, 1)), (60, 4)
    table = means + rng.normal(0, 0.3, shape)
    table[rng.random(shape) < lost] = np.nan
    rows: list[dict[object, float]] = [
        {n: float(score) for n, score in enumerate(row) if not np.isnan(score)} for row in table
    ]
    said = behind_the_best(rows, 0.6)
    tested = rivals(sum(bool(row) for row in rows))
    assert said == [is_behind(row, rows, 0.6 / tested) for row in rows]
    assert 0 < sum(said) < len(rows)
