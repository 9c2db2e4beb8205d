from __future__ import annotations

import math

import pytest
from orthogonal_results import FULL, LEVELS, effects, sweep
from trial_results import passed

from espalier.analysis.effects import levels_of, main_effects, signal_to_noise
from espalier.core.records import PlanHeader


def test_means_are_those_computed_by_hand() -> None:
    it = effects(FULL)
    assert it.grand == pytest.approx(77.0)
    means = {name: [level.mean for level in levels] for name, levels in it.axes.items()}
    assert means == {"A": [87.5, 66.5], "B": [81.0, 73.0], "C": [76.5, 77.5]}
    assert {level.n for levels in it.axes.values() for level in levels} == {4}
    assert it.balanced


def test_the_predicted_best_is_the_grand_mean_and_what_each_best_value_adds() -> None:
    it = effects(FULL)
    assert it.best == {"A": "0", "B": "0", "C": "1"}
    assert it.predicted == pytest.approx(77 + 10.5 + 4 + 0.5)
    assert it.run is None


def test_a_best_combination_that_was_run_is_known() -> None:
    it = effects([[90.0, 92.0], [80.0, 82.0], [70.0, 72.0], [60.0, 64.0]])
    assert it.best == {"A": "0", "B": "0", "C": "0"}
    assert it.predicted == pytest.approx(91.0)
    assert it.run is not None and it.run.first.name == "config_001"


def test_effects_are_paired_by_seed() -> None:
    effect = effects(FULL).axes["A"][0].effect  # 86.5 - 75.75 with seed 1, 88.5 - 78.25 with seed 2
    assert effect is not None
    assert (effect.n, effect.mean) == (2, pytest.approx(10.5))
    assert effect.half_width == pytest.approx(12.7062 * 0.25, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "larger", "ratio"),
    [
        ([10.0, 10.0], True, 20.0),
        ([1.0, 2.0], True, -10 * math.log10(0.625)),
        ([0.1], False, 20.0),
        ([1.0, 3.0], False, -10 * math.log10(5)),
        ([50.0, 0.0], True, None),
        ([-1.0], True, None),
        ([0.0, 0.0], False, None),
        ([], True, None),
    ],
)
def test_signal_to_noise(values: list[float], larger: bool, ratio: float | None) -> None:
    assert signal_to_noise(values, larger) == (ratio if ratio is None else pytest.approx(ratio))


def test_the_ratio_of_a_value_is_the_mean_over_its_rows() -> None:
    it = effects([[10.0, 10.0], [100.0, 100.0], [1.0, 1.0], [0.0, 5.0]])
    assert [level.ratio for level in it.axes["A"]] == [pytest.approx(30.0), None]
    assert [level.ratio for level in it.axes["B"]] == [pytest.approx(10.0), None]


def test_a_lost_seed_marks_every_value_of_its_row_and_no_other() -> None:
    it = effects([*FULL[:3], [60.0, None]])
    levels = {name: [(lv.n, lv.balanced) for lv in axis] for name, axis in it.axes.items()}
    assert levels == {
        "A": [(4, True), (3, False)],
        "B": [(4, True), (3, False)],
        "C": [(3, False), (4, True)],
    }
    assert it.axes["A"][1].mean == pytest.approx((71 + 60) / 2)
    assert [item.trial.name for item in it.lost] == ["config_008"]
    effect = it.axes["A"][0].effect  # over the seed that every row has
    assert effect is not None and (effect.n, effect.mean) == (1, pytest.approx(10.75))


def test_a_lost_row_leaves_no_paired_effect() -> None:
    it = effects([*FULL[:3], [None, math.nan]])
    assert [level.mean for level in it.axes["A"]] == [87.5, 71.0]
    assert it.axes["A"][0].effect is None
    assert it.grand == pytest.approx(82.0)
    assert [item.result.status for item in it.lost] == ["failed", "passed"]


def test_a_value_without_any_number_has_no_best() -> None:
    it = effects([*FULL[:2], [None, None], [None, None]])
    assert it.axes["A"][1].mean is None
    assert (it.best, it.predicted, it.run) == ({}, None, None)


def test_nothing_passed() -> None:
    it = effects([[None]] * 4)
    assert (it.grand, it.predicted) == (None, None)


def test_less_of_a_loss_is_better() -> None:
    losses = [[2.0, 2.0], [1.0, 1.0], [0.5, 0.5], [0.1, 0.1]]
    results = [
        passed(item.trial, 50.0, val_loss=item.result.measures["val_acc"]) for item in sweep(losses)
    ]
    it = main_effects(results, "val_loss", LEVELS)
    assert it.best == {"A": "1", "B": "1", "C": "1"}  # means 0.3, 0.55, 0.75 of 0.9
    assert it.predicted == pytest.approx(0.9 - 0.6 - 0.35 - 0.15)
    # smaller the better: rows of -10 log10 y^2 = -6.02, 0, 6.02, 20 dB
    ratio = -20 * math.log10(2)
    assert [level.ratio for level in it.axes["A"]] == [
        pytest.approx(ratio / 2),
        pytest.approx((-ratio + 20) / 2),
    ]


def test_levels_of_a_header_leave_out_the_seeds() -> None:
    axes = [{"symbol": "A", "values": ["1", "0"]}, {"symbol": "SEED", "values": ["1", "2"]}]
    header = PlanHeader(axes=axes, design={"axes": [{"symbol": "A", "columns": [1]}]})
    assert levels_of(header) == {"A": ["1", "0"]}
