from __future__ import annotations

import pytest
from control_arms import PLAIN, arms

from espalier.analysis.arms import in_plan_order
from espalier.analysis.comparing.against_baseline import against
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import rank
from espalier.core.trial import Record
from espalier.report.html.forest_data import forest_data


def data() -> Record:
    ranking = rank(arms(), "val_loss")
    return forest_data(ranking, comparisons(ranking, PLAIN), in_plan_order(ranking.configurations))


def test_differences_to_the_best_are_configuration_minus_best() -> None:
    # final losses: none 1.0 and 1.25; 0.1: 0.75 and 0.5 (the best); 0.2: 1.3 and 1.2
    best = data()["best"]
    assert best["mean"] == [0.5, 0.0, 0.625]
    assert best["n"] == [2, 2, 2]


def test_differences_to_controls_name_both() -> None:
    control = data()["control"]
    assert control["kinds"] == ("METHOD=none",)
    assert sorted(zip(control["arm"], control["control"], control["mean"], strict=True)) == [
        (1, 0, -0.5),
        (2, 0, 0.125),
    ]
    assert set(control["said"]) == {"not distinguishable"} and set(control["holm"]) == {0}


def test_a_kind_is_a_mean_over_configurations() -> None:
    (kind,) = data()["kinds"]
    assert kind["label"] == "CONFIG_METHOD=turn" and kind["value"] == "none"
    assert kind["mean"] == pytest.approx(-0.1875) and kind["pairs"] == 2 and kind["n"] == 2


def test_quantiles_for_as_many_pairs_as_there_are_seeds() -> None:
    assert data()["t"] == [12.7062]


def test_a_baseline_that_was_given_has_its_differences_by_configuration() -> None:
    ranking = rank(arms(), "val_loss")
    every = in_plan_order(ranking.configurations)
    beside = forest_data(ranking, [], every, against(ranking, every[0].first.name))["beside"]
    assert beside["label"] == every[0].first.name
    assert sorted(zip(beside["arm"], beside["control"], beside["mean"], strict=True)) == [
        (1, 0, -0.5),
        (2, 0, 0.125),
    ]
    assert data()["beside"] is None
