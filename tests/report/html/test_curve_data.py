from __future__ import annotations

from itertools import accumulate

from control_arms import arms

from espalier.analysis.arms import in_plan_order
from espalier.analysis.charts.learning_curve import CurvePoint
from espalier.analysis.rank import rank
from espalier.report.html.curve_data import Scale, curves_data, thin


def points(count: int) -> list[CurvePoint]:
    return [CurvePoint(n, float(n), float(n), float(n)) for n in range(1, count + 1)]


def test_a_long_curve_keeps_its_last_point() -> None:
    assert [point.step for point in thin(points(10), 3)] == [3, 6, 10]
    assert thin(points(2), 3) == points(2)


def test_values_are_places_on_a_scale() -> None:
    assert Scale(0.5, 2.0, 100).places([0.5, 2.0, 1.25, 1.2574]).tolist() == [0, 100, 50, 50]
    assert Scale(1.0, 1.0, 100).places([1.0]).tolist() == [0]


def test_a_curve_is_its_differences_and_its_band() -> None:
    ranking = rank(arms(), "val_loss")
    made = {
        each["name"]: each for each in curves_data(ranking, in_plan_order(ranking.configurations))
    }
    loss = made["val_loss"]
    assert (loss["low"], loss["high"], loss["steps"]) == (0.5, 2.0, 10_000)
    assert loss["grids"] == [(10, 20, 30, 40)] and loss["grid"] == [0, 0, 0]
    assert (loss["along"], loss["axis"]) == ("step", "step (updates)")
    levels = list(accumulate(loss["mean"][:4]))
    values = [0.5 + level * 1.5 / 10_000 for level in levels]
    assert [round(value, 3) for value in values] == [2.0, 1.5, 1.25, 1.125]
    assert (loss["below"][3], loss["above"][3]) == (834, 833)  # 0.125 of 1.5


def test_no_history_no_curve() -> None:
    ranking = rank(arms(), "val_acc")  # histories hold losses alone
    names = [each["name"] for each in curves_data(ranking, in_plan_order(ranking.configurations))]
    assert names == ["val_loss"]
