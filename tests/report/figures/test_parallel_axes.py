"""Axes of parallel coordinates: places from 0 to 1, ticks that keep apart."""

from __future__ import annotations

from trial_results import passed, trial

from espalier.analysis.rank import rank
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.parallel_axes import apart, number_axis, parallel_axes


def test_numbers_lie_between_the_least_and_the_largest() -> None:
    axis = number_axis("rate", [1.0, None, 5.0, 3.0])
    assert axis.places == (0.0, None, 1.0, 0.5) and not axis.log
    assert [text for _, text in axis.ticks] == ["1", "3", "5"]


def test_numbers_that_span_much_lie_by_their_logarithm() -> None:
    axis = number_axis("rate", [0.001, 0.1, 0.01])
    assert [round(place or 0, 9) for place in axis.places] == [0, 1, 0.5] and axis.log


def test_measured_numbers_have_round_ticks_within() -> None:
    axis = number_axis("accuracy", [91.2345, 98.7654], chosen=False)
    assert [text for _, text in axis.ticks] == ["92", "94", "96", "98"]
    assert all(0 <= place <= 1 for place, _ in axis.ticks)


def test_equal_numbers_lie_in_the_middle() -> None:
    assert number_axis("rate", [3.0, 3.0]).places == (0.5, 0.5)


def test_names_in_plan_order_then_measures_with_what_ranks_last() -> None:
    results = [
        passed(trial(n, 1, METHOD=method), 90.0 + n, total_time=n)
        for n, method in enumerate(["turn", "none", "keep"], 1)
    ]
    ranking = rank(results)
    axes, left_out = parallel_axes(ranking, ["METHOD"], AxisNames())
    assert [axis.label for axis in axes] == ["Method", "Total time (s)", "Validation accuracy (%)"]
    assert axes[0].ticks == ((0.0, "turn"), (0.5, "none"), (1.0, "keep"))
    assert axes[0].places == (1.0, 0.5, 0.0) and left_out == 0  # best first
    assert axes[2].places == (1.0, 0.5, 0.0)


def test_ticks_that_would_overlap_are_left_out() -> None:
    ticks = [(0.0, "a"), (0.05, "b"), (1.0, "c")]
    extents = [(-0.1, 0.1), (-0.05, 0.15), (0.9, 1.1)]
    assert apart(ticks, extents) == [(0.0, "a"), (1.0, "c")]
