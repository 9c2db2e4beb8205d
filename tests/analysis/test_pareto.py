from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pareto_cases import on_several_data_sets, only, waiting, with_a_lost_seed
from trial_results import nets, passed, trial

from espalier.analysis.confidence import Interval
from espalier.analysis.pareto import Front, fronts, lacking
from espalier.analysis.rank import TrialResult, rank


def named(front: Front) -> list[tuple[str, float, float]]:
    return [(point.item.first.name, point.size, point.score) for point in front.points]


def test_none_on_the_front_is_dominated() -> None:
    front = only(nets((400, [90.0]), (100, [70.0]), (200, [65.0]), (200, [80.0]), (800, [90.0])))
    assert named(front) == [
        ("config_002", 100, 70.0),
        ("config_004", 200, 80.0),
        ("config_001", 400, 90.0),
    ]
    assert [point.size for point in front.sized] == [100, 200, 200, 400, 800]
    assert [point.efficiency for point in front.points] == [700.0, 400.0, 225.0]


def with_costs(*pairs: tuple[int, float, float | None]) -> list[TrialResult]:
    """A configuration for each size, score and cost; no cost: it recorded none."""
    costs = [{} if cost is None else {"cost_to_min_loss": cost} for _, _, cost in pairs]
    return [
        passed(trial(k, 1, WIDTH=str(k)), score, live_parameters=size, **cost)
        for k, ((size, score, _), cost) in enumerate(zip(pairs, costs, strict=True), 1)
    ]


def test_the_published_efficiency_divides_by_the_logarithm_of_the_cost_over_the_least() -> None:
    # the least cost is 100, so a cost of 10,000 has twice its logarithm, one of 1,000 1.5 times
    front = only(with_costs((10, 60.0, 1_000.0), (20, 90.0, 10_000.0), (30, 50.0, 100.0)))
    scores = {point.size: front.cost_efficiency(point) for point in front.sized}
    assert scores == pytest.approx({10: 40.0, 20: 45.0, 30: 50.0})
    assert [point.size for point in front.points] == [10, 20]


@pytest.mark.parametrize("cost", [None, 1.0, 0.0])
def test_one_without_a_cost_leaves_all_without_that_efficiency(cost: float | None) -> None:
    front = only(with_costs((10, 60.0, 1_000.0), (20, 90.0, cost)))
    assert [front.cost_efficiency(point) for point in front.sized] == [None, None]


def test_of_equals_the_first_in_the_plan_is_on_the_front() -> None:
    front = only(nets((200, [80.0]), (100, [70.1, 70.2]), (100, [70.2, 70.1]), (300, [80.0])))
    assert [name for name, _, _ in named(front)] == ["config_002", "config_001"]


def test_less_of_a_loss_is_better_and_has_no_efficiency() -> None:
    front = only(nets((100, [2.0]), (200, [1.0]), (300, [1.5]), by="val_loss"), "val_loss")
    assert [size for _, size, _ in named(front)] == [100, 200]
    assert front.points[0].efficiency is None
    assert front.gains == [None, Interval(1.0, 1, None)]


def test_the_smallest_within_a_standard_error_of_the_best() -> None:
    # the best has mean 92, deviation 2 and so a standard error of 2 / sqrt(4) = 1
    best = (900, [90.0, 91.0, 93.0, 94.0])
    assert best[1] and only(nets(best, (100, [80.0]))).points[-1].error == pytest.approx(
        (10 / 3) ** 0.5 / 2
    )
    reach = only(nets((100, [90.9] * 4), (300, [91.2] * 4), best)).frugal
    assert reach is not None and reach.size == 300
    alone = only(nets((100, [91.0] * 4), best)).frugal
    assert alone is not None and alone.size == 900
    assert only(nets((100, [91.0]), (200, [92.0]))).frugal is None


def test_gains_are_in_pairs_of_seeds() -> None:
    (_, gain) = only(nets((100, [70.0, 80.0]), (200, [73.0, 85.0]))).gains
    # 3 and 5
    assert gain == Interval(4.0, 2, pytest.approx(12.7062, rel=1e-4))


def test_what_lacks_seeds_is_left_out_unless_all_do() -> None:
    front = only(with_a_lost_seed())
    assert [size for _, size, _ in named(front)] == [100, 200]
    assert [item.first.name for item in front.incomplete] == ["config_003"]
    front = only(waiting())
    assert [size for _, size, _ in named(front)] == [100, 200]


def test_a_front_for_each_set_of_samples() -> None:
    every = fronts(rank(on_several_data_sets()))
    assert [front.samples["DATASET"] for front in every] == ["a", "b"]
    assert [len(front.points) for front in every] == [2, 2]


def three_ways() -> list[TrialResult]:
    """Four configurations by accuracy, size and cost; the third is beaten by the first."""
    numbers = [(90.0, 300, 2.0), (80.0, 100, 3.0), (85.0, 300, 2.0), (70.0, 200, 1.0)]
    return [
        passed(trial(n, 1, LR=str(n)), acc, live_parameters=size, cost=cost)
        for n, (acc, size, cost) in enumerate(numbers, 1)
    ]


def test_a_front_of_three_measures() -> None:
    front = only(three_ways(), "val_acc,live_parameters,cost:min")
    assert [point.item.first.name for point in front.points] == [
        "config_004",
        "config_001",
        "config_002",
    ]
    assert (front.gains, front.frugal) == ([None] * 3, None)
    assert front.points[0].efficiency is None


def test_a_front_of_two_measures_other_than_size() -> None:
    front = only(three_ways(), "cost:min,val_acc")
    assert [point.means for point in front.points] == [(2.0, 90.0), (1.0, 70.0)]
    assert front.gains[1] == Interval(1.0, 1, None)  # less of a cost is a gain


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=12))
def test_every_configuration_is_on_the_front_or_beaten_by_one_that_is(
    numbers: list[tuple[int, ...]],
) -> None:
    results = [
        passed(trial(n, 1, LR=str(n)), a, live_parameters=b, cost=c)
        for n, (a, b, c) in enumerate(numbers, 1)
    ]
    front = only(results, "val_acc,live_parameters,cost:min")
    on = {point.item.first.name for point in front.points}
    for point in front.sized:
        name = point.item.first.name
        others = [other for other in front.points if other.item.first.name != name]
        assert (name in on) != any(other.matches(point) for other in others)


def test_what_lacks_a_measure_is_told() -> None:
    ranking = rank([*three_ways(), passed(trial(5, 1, LR="5"), 99.0)], "val_acc,cost:min")
    assert [item.first.name for item in lacking(ranking)] == ["config_005"]


def test_nothing_is_said_where_all_are_of_one_size_or_none_is_known() -> None:
    assert fronts(rank(nets((100, [1.0]), (100, [2.0])))) == []
    assert fronts(rank([passed(trial(1, 1), 50.0), passed(trial(2, 1, A="1"), 60.0)])) == []
    assert fronts(rank([])) == []
