"""Learning curves, and which values a chart of them shows."""

from __future__ import annotations

import pytest
from control_arms import run as ran
from trial_results import ended, trial

from espalier.analysis.charts.learning_curve import (
    EPOCH,
    STEP,
    CurvePoint,
    ValueRange,
    course_axis,
    course_measure,
    curve,
    value_range,
    without_opening,
)
from espalier.analysis.rank import rank
from espalier.core.measures import VAL_ACC, VAL_LOSS, find
from espalier.core.trial import Status


def points(*means: float, spread: float = 0.0) -> list[CurvePoint]:
    """A point every ten steps, its band `spread` wide on both sides."""
    return [
        CurvePoint(10 * n, mean, mean - spread, mean + spread) for n, mean in enumerate(means, 1)
    ]


def test_curves_are_means_with_the_least_and_the_most_of_any_seed() -> None:
    results = [
        ran(trial(1, 1, LR="1"), [2.0, 1.0, 0.5]),
        ran(trial(2, 2, LR="1"), [1.0, 1.5, 1.0]),
        ended(trial(3, 3, LR="1"), Status.FAILED, "diverged"),
    ]
    (item,) = rank(results, "val_loss").ranked
    assert curve(item, VAL_LOSS, STEP) == [
        CurvePoint(10, 1.5, 1.0, 2.0),
        CurvePoint(20, 1.25, 1.0, 1.5),
        CurvePoint(30, 0.75, 0.5, 1.0),
    ]
    assert curve(item, VAL_ACC, STEP) == []


def test_the_curve_of_a_mean_over_tasks_has_a_point_for_the_end_of_each() -> None:
    outcome = ran(trial(1, 1), [2.0, 1.0, 3.0, 1.5], mean_val_loss=1.25)
    for record, task in zip(outcome.result.history, [1, 1, 2, 2], strict=True):
        record["task"] = task
    by = find("mean_val_loss")
    (item,) = rank([outcome], "mean_val_loss").ranked
    assert [(point.step, point.mean) for point in curve(item, by, STEP)] == [(20, 1.0), (40, 1.5)]
    assert course_measure(by).label == "validation loss at the end of each task"
    assert course_measure(VAL_LOSS) is VAL_LOSS


def test_curves_go_along_epochs_where_a_history_has_no_steps() -> None:
    """As that of a program which reports its epochs alone."""
    results = [ran(trial(n, n), [2.0, 1.0]) for n in (1, 2)]
    (item,) = rank(results, "val_loss").ranked
    assert course_axis([item]) == STEP
    for record in results[1].result.history:
        del record["step"]
    assert course_axis([item]) == EPOCH
    points = curve(item, VAL_LOSS, EPOCH)
    assert [(point.step, point.mean) for point in points] == [(1, 2.0), (2, 1.0)]
    assert course_axis([]) == STEP


def test_a_curve_has_the_steps_that_every_seed_has() -> None:
    results = [ran(trial(n, n), [1.0] * n) for n in (1, 2)]
    (item,) = rank(results, "val_loss").ranked
    assert [point.step for point in curve(item, VAL_LOSS, STEP)] == [10]


def test_a_first_epoch_far_below_the_rest_is_left_out_and_a_late_dip_is_not() -> None:
    rising = points(10.0, 90.0, 92.0, 93.0, 70.0, 94.0, 95.0, 96.0, 96.0, 97.0, spread=1.0)
    assert value_range([rising], larger=True) == ValueRange(69.0, 98.0, True)


def test_the_first_epochs_of_a_loss_lie_above() -> None:
    falling = points(9.0, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.5)
    assert value_range([falling], larger=False) == ValueRange(0.5, 1.4, True)


def test_a_range_that_an_opening_does_not_crowd_is_whole() -> None:
    steady = points(1.0, 2.0, 3.0, 4.0, 5.0)
    assert value_range([steady, []], larger=True) == ValueRange(1.0, 5.0, False)
    flat = points(1.0, 5.0, 5.0, 5.0, 5.0)
    assert value_range([flat], larger=True) == ValueRange(1.0, 5.0, False)


def test_a_curve_comes_in_on_the_edge_on_its_straight_line() -> None:
    rising = points(50.0, 90.0, 70.0, 92.0, spread=4.0)
    shown = without_opening(rising, 80.0, 95.0)
    # from 70 at step 30 to 92 at step 40 it passes 80 after 10/22 of the way
    assert shown[0].step == pytest.approx(30 + 100 / 22)
    assert shown[0][1:] == pytest.approx((80.0, 80.0, 84.0))
    assert shown[1:] == [CurvePoint(40, 92.0, 88.0, 95.0)]


def test_a_curve_that_stays_inside_is_whole() -> None:
    steady = points(81.0, 82.0)
    assert without_opening(steady, 80.0, 95.0) == steady
    assert without_opening(points(1.0), 80.0, 95.0) == []
