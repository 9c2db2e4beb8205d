"""Means of the values of a symbol are over configurations that differ in it alone."""

from __future__ import annotations

import itertools

import pytest
from trial_results import ended, passed, trial

from espalier.analysis.axis_means import AxisMeans, axis_means, varied_values
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Status
from espalier.report.axis_effects import remarks

Scored = list[tuple[dict[str, str], float]]


def means(scored: Scored, name: str) -> AxisMeans:
    results = [passed(trial(n, 1, **swept), score) for n, (swept, score) in enumerate(scored, 1)]
    return axis_means(rank(results), name)


OPTIMIZERS: Scored = [  # adamw with and without pruning, adamwprune with its own method alone
    ({"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}, 95.0),
    ({"OPTIMIZER": "adamwprune", "PRUNING_METHOD": "state"}, 91.0),
]
GRID: Scored = [({"A": a, "B": b}, 10.0 * int(a) + int(b)) for a in "12" for b in "123"]


def test_a_gap_that_is_another_symbols_has_no_means() -> None:
    assert means(OPTIMIZERS, "OPTIMIZER").means == {}
    assert means(OPTIMIZERS, "PRUNING_METHOD").means == {}
    assert remarks(means(OPTIMIZERS, "OPTIMIZER"), ["adamw", "adamwprune"]) == [
        "no means: confounded"
    ]


def test_a_grid_is_balanced() -> None:
    assert means(GRID, "A") == AxisMeans({"1": 12.0, "2": 22.0}, 6, 6, ())
    assert means(GRID, "B").means == {"1": 16.0, "2": 17.0, "3": 18.0}
    assert remarks(means(GRID, "A"), ["1", "2"]) == []


def test_rows_of_an_orthogonal_array_are_balanced() -> None:
    rows = [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "1"), ("1", "1", "0")]
    scored = [(dict(zip("ABC", row, strict=True)), float(n)) for n, row in enumerate(rows)]
    assert means(scored, "A").means == {"0": 0.5, "1": 2.5}
    assert means(scored, "C").means == {"0": 1.5, "1": 1.5}


def test_means_are_over_what_the_values_have_in_common() -> None:
    lost = GRID[:5]  # A=2 has no B=3
    assert means(lost, "A") == AxisMeans({"1": 11.5, "2": 21.5}, 4, 5, ())
    assert remarks(means(lost, "A"), ["1", "2"]) == ["means of 4 of 5"]
    assert means(lost, "B").means == {"1": 11.0, "2": 12.0, "3": 13.0}  # A=1 alone


def test_a_value_that_shares_nothing_has_no_mean() -> None:
    methods = [
        ({"OPTIMIZER": "adamw", "PRUNING_METHOD": m}, s) for m, s in (("a", 90.0), ("b", 80.0))
    ]
    comparable = means([*methods, OPTIMIZERS[1]], "PRUNING_METHOD")
    assert comparable.means == {"a": 90.0, "b": 80.0}
    assert remarks(comparable, ["a", "b", "state"]) == [
        "means of 2 of 3",
        "no mean of 1 value",
    ]


def test_symbols_of_one_value_are_its_own_and_of_several_are_not() -> None:
    sparse = [({"METHOD": "m", "SPARSITY": s}, v) for s, v in (("0.5", 90.0), ("0.9", 80.0))]
    comparable = means([({"METHOD": "none"}, 95.0), *sparse], "METHOD")
    assert comparable.means == {"none": 95.0, "m": 85.0} and comparable.own == ("SPARSITY",)
    assert remarks(comparable, ["none", "m"]) == ["over 1 symbol of one value"]
    other = [({"METHOD": "k", "SPARSITY": "0.9"}, 82.0)]  # as sparse as one of m's two
    both = means([({"METHOD": "none"}, 95.0), *sparse, *other], "METHOD")
    assert both.means == {"m": 80.0, "k": 82.0}


def test_what_lost_a_seed_or_missed_its_target_is_left_out() -> None:
    results = [passed(trial(n, 1, **swept), score) for n, (swept, score) in enumerate(GRID, 1)]
    lost = ended(trial(7, 2, A="2", B="3"), Status.ERROR, "crash")
    missed = passed(trial(5, 1, A="2", B="2"), 99.0, final_sparsity=0.1)
    ranking = rank([*results[:4], missed, results[5], lost])
    assert axis_means(ranking, "A") == AxisMeans({"1": 11.0, "2": 21.0}, 2, 6, ())


def test_data_sets_are_not_averaged_side_by_side() -> None:
    grid = itertools.product(("digits", "mnist"), ("1", "2"))
    scored: Scored = [({"DATASET": d, "A": a}, 90.0 + int(a)) for d, a in grid]
    assert means(scored, "DATASET").means == {}
    assert means(scored, "A").means == {"1": 91.0, "2": 92.0}


@pytest.mark.parametrize("name", ["A", "B"])
def test_the_order_of_results_does_not_matter(name: str) -> None:
    results: list[TrialResult] = [
        passed(trial(n, 1, **swept), score) for n, (swept, score) in enumerate(GRID[:5], 1)
    ]
    assert axis_means(rank(results), name) == axis_means(rank(results[::-1]), name)


def test_what_varies_has_several_values() -> None:
    results = [
        passed(trial(1, 1, LR="0.1", BETA="0.9"), 90.0),
        passed(trial(2, 1, LR="0.2", BETA="0.9"), 99.0),
        ended(trial(3, 1, LR="0.3", BETA="0.8"), Status.FAILED, "diverged"),
    ]
    assert varied_values(rank(results).ranked) == {"LR": ["0.1", "0.2"]}
