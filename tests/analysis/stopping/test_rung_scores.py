"""What trials show at rungs, and what their configurations have shown by that."""

from __future__ import annotations

import math

import pytest
from trial_results import trial

from espalier.analysis.stopping.rung_scores import (
    RUNG_EPOCH,
    RungConfiguration,
    rung_configurations,
)
from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC, VAL_LOSS
from espalier.core.trial import PAUSED, RUNG, Record, Result, Status
from espalier.plan.stopping.stop_rules import RungRule, StopRules

TWO = [trial(1, 1, LR="1"), trial(2, 2, LR="1")]


def history(*values: float | None, name: str = "val_acc", every: int = 1) -> list[Record]:
    return [{"epoch": n * every, name: value} for n, value in enumerate(values, 1)]


def paused(*values: float | None) -> Result:
    return Result(Status.STOPPED, PAUSED, history=history(*values))


def configuration() -> RungConfiguration:
    return RungConfiguration(TWO, [1, 3])


def test_a_score_is_the_mean_of_all_seeds_once_they_are_there() -> None:
    each = configuration()
    each.take_in(1, [paused(50.0)], VAL_ACC)
    assert each.course.scores == {}
    each.take_in(2, [paused(60.0, 70.0, 80.0)], VAL_ACC)
    assert each.course.scores == {1: 55.0}
    assert not each.course.lost


def test_of_a_loss_the_smaller_is_the_better() -> None:
    each = RungConfiguration(TWO[:1], [1])
    each.take_in(1, [Result(Status.PASSED, history=history(0.5, name="val_loss"))], VAL_LOSS)
    assert each.course.scores == {1: -0.5}


def test_of_two_values_at_a_rung_the_first_counts() -> None:
    each = RungConfiguration(TWO[:1], [1, 2])
    each.take_in(1, [paused(50.0), Result(Status.PASSED, history=history(99.0, 70.0))], VAL_ACC)
    assert each.course.scores == {1: 50.0, 2: 70.0}


def test_a_trial_that_reports_seldom_counts_by_its_next_epoch() -> None:
    each = RungConfiguration(TWO[:1], [1, 3, 5])
    each.take_in(1, [Result(Status.STOPPED, PAUSED, history=history(1, 2, every=2))], VAL_ACC)
    assert each.course.scores == {1: 1, 3: 2}


def test_a_run_that_ended_before_a_rung_counts_by_its_end() -> None:
    each = RungConfiguration(TWO[:1], [1, 3])
    each.take_in(1, [Result(Status.PASSED, history=history(50.0, 60.0))], VAL_ACC)
    assert each.course.scores == {1: 50.0, 3: 60.0}
    each = RungConfiguration(TWO[:1], [1])
    each.take_in(1, [Result(Status.PASSED, measures={"val_acc": 70.0})], VAL_ACC)
    assert each.course.scores == {1: 70.0}


def test_a_seed_that_fails_loses_the_configuration_once_the_others_are_there() -> None:
    each = configuration()
    each.take_in(1, [Result(Status.FAILED, "diverged", history=history(50.0))], VAL_ACC)
    each.over.add(1)
    each.take_in(2, [paused(60.0)], VAL_ACC)
    assert (each.course.scores, each.course.lost) == ({1: 55.0}, False)  # 2 is on its way to 3
    each.take_in(2, [paused(60.0), paused(60.0, 61.0, 62.0)], VAL_ACC)
    assert (each.course.scores, each.course.lost) == ({1: 55.0}, True)


CRASH = Result(Status.ERROR, "crash")


def test_a_seed_that_ended_in_an_error_is_left_out_where_it_did_not_come() -> None:
    each = configuration()
    each.take_in(1, [paused(50.0), CRASH], VAL_ACC)
    each.take_in(2, [paused(60.0, 61.0, 62.0)], VAL_ACC)
    assert each.course.scores == {1: 55.0}  # it may be tried again
    each.over.add(1)
    assert (each.course.scores, each.course.lost) == ({1: 55.0, 3: 62.0}, False)
    assert each.scores_at(3) == [62.0]


def test_without_a_seed_that_came_a_configuration_is_lost() -> None:
    each = RungConfiguration(TWO, [1], over={1, 2})
    for number in (1, 2):
        each.take_in(number, [CRASH], VAL_ACC)
    assert (each.course.scores, each.course.lost) == ({}, True)


def test_an_error_that_was_made_good_counts_no_more() -> None:
    each = RungConfiguration(TWO[:1], [1], over={1})
    each.take_in(1, [CRASH, Result(Status.FAILED, "diverged")], VAL_ACC)
    assert (each.course.scores, each.course.lost) == ({}, True)
    assert each.errors == set()


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_no_finite_number_is_the_worst_score(value: float | None) -> None:
    each = RungConfiguration(TWO[:1], [1])
    each.take_in(1, [paused(value)], VAL_ACC)
    assert each.course.scores == {1: -math.inf}


def test_an_epoch_without_the_measure_is_one_line() -> None:
    each = RungConfiguration(TWO[:1], [1])
    with pytest.raises(UserError) as raised:
        each.take_in(1, [paused(1.0)], VAL_LOSS)
    assert raised.value.lines == [
        "config_001: no epoch has val_loss, by which configurations stop: "
        "its epochs have val_acc; set CONFIG_STOP_BY to one of them"
    ]


def test_the_sparsity_at_a_rung_is_that_of_all_seeds_in_percent() -> None:
    each = configuration()
    for number, sparsity in ((1, 0.795), (2, 0.809)):
        record = {"epoch": 1, "val_acc": 1.0, "sparsity": sparsity}
        each.take_in(number, [Result(Status.STOPPED, PAUSED, history=[record])], VAL_ACC)
    assert each.course.percents == {1: 80}


def test_what_was_stopped_is_remembered() -> None:
    each = RungConfiguration(TWO[:1], [1, 3])
    stopped = Result(Status.STOPPED, RUNG, measures={RUNG_EPOCH: 3}, history=history(1, 2, 3))
    each.take_in(1, [stopped], VAL_ACC)
    assert each.course.stopped == 3


def test_configurations_without_waiting_come_in_the_order_of_their_ids() -> None:
    trials = [trial(n, 1, LR=str(n), NUM_EPOCHS="9") for n in (3, 2, 1)]
    trials = [trials[0], trials[2], trials[1], trial(4, 2, LR="3", NUM_EPOCHS="9")]
    asha = rung_configurations(trials, StopRules(RungRule.ASHA, VAL_ACC, 3), {1, 3})
    assert [[item.number for item in each.trials] for each in asha] == [[1], [2], [3, 4]]
    assert [each.over for each in asha] == [set(), {2}, {4}]
    halving = rung_configurations(trials, StopRules(RungRule.HALVING, VAL_ACC, 3), ())
    assert [each.trials[0].number for each in halving] == [3, 1, 2]
    assert halving[0].rungs == [1, 3]
