"""Rows of a forest plot: what each is beside, its difference, and what is said of it."""

from __future__ import annotations

import pytest
from control_arms import PLAIN, arms
from trial_results import sweep

from espalier.analysis.comparing.against_baseline import against
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import rank
from espalier.report.difference_rows import DifferenceRow, best_rows, kind_rows, pair_rows

RANKING = rank(arms(), "val_loss")


def mean(row: DifferenceRow) -> float | None:
    return row.difference and row.difference.mean


def test_others_beside_the_best_are_other_minus_best() -> None:
    # final losses: none 1.0 and 1.25; 0.1: 0.75 and 0.5 (the best); 0.2: 1.3 and 1.2
    rows = best_rows(RANKING)
    assert [(row.name, mean(row), row.said) for row in rows] == [
        ("config_001", 0.5, "not distinguishable"),
        ("config_005", 0.625, "not distinguishable"),
    ]
    assert rows[1].own == (("METHOD", "turn"), ("TURN_RATE", "0.2")) and not rows[1].marked


def test_what_is_behind_the_best_is_marked() -> None:
    ranking = rank(sweep({"a": [90.0, 91.0, 92.0, 93.0], "b": [70.0, 71.1, 71.9, 73.0]}))
    (row,) = best_rows(ranking)
    assert (row.said, row.marked, mean(row)) == ("behind the best", True, pytest.approx(-20.0))


def test_a_kind_is_a_mean_over_configurations_beside_the_value_of_the_control() -> None:
    (row,) = kind_rows(comparisons(RANKING, PLAIN))
    assert row.own == (("METHOD", "turn"),) and row.against == (("METHOD", "none"),)
    assert (mean(row), row.pairs, row.name) == (-0.1875, 2, "")


def test_pairs_keep_their_order_and_name_both() -> None:
    beside = against(RANKING, "METHOD=none")
    rows = pair_rows(beside.compared)
    assert [(row.name, mean(row)) for row in rows] == [("config_003", -0.5), ("config_005", 0.125)]
    assert {row.against for row in rows} == {(("METHOD", "none"),)}


def test_unequal_budgets_are_named() -> None:
    made = [item._replace(result=item.result) for item in arms()]
    for place, item in enumerate(made):
        item.result.measures["live_parameters"] = 100 if place < 2 else 80
    ranking = rank(made, "val_loss")
    compared = comparisons(ranking, PLAIN)
    assert [row.unequal for row in kind_rows(compared)] == [("live_parameters",)]
    assert {row.unequal for row in pair_rows(compared)} == {("live_parameters",)}
