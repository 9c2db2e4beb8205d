"""Seconds that tasks have taken, and the most that others take by that."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from fake_sweep import created, request, trial

from espalier.core.trial import PAUSED, RUNG, Record, Result, Status, Trial
from espalier.plan.stopping.stop_rules import epochs_of
from espalier.run.budgets.measured_costs import MeasuredCosts, costs_of
from espalier.store.results_dir import SweepDir


def of_shape(number: int, shape: str, epochs: int = 10) -> Trial:
    return replace(trial(number, NUM_EPOCHS=str(epochs)), shape=shape)


def measured(*tasks: tuple[Trial, int, float]) -> MeasuredCosts:
    costs = MeasuredCosts()
    for task in tasks:
        costs.add(*task, epochs_of(task[0]))
    return costs


def test_nothing_measured_says_nothing() -> None:
    costs = MeasuredCosts()
    assert (costs.seconds(trial(1), 1), costs.least) == (0.0, 0.0)
    assert costs.largest(trial(1), 1000.0, 1) == 1


def test_the_same_configuration_says_most_then_the_shape_then_the_longest_of_all() -> None:
    fast, slow = of_shape(1, "a"), of_shape(2, "a")
    costs = measured((fast, 1, 10.0), (slow, 1, 20.0), (fast, 1, 8.0), (of_shape(3, "b"), 1, 50.0))
    seed = replace(fast, number=9, config={**fast.config, "SEED": "2"})
    assert costs.seconds(seed, 10) == pytest.approx(11.0)  # a tenth more than the longest of it
    assert costs.seconds(of_shape(4, "a"), 10) == pytest.approx(22.0)
    assert costs.seconds(of_shape(5, "c"), 10) == pytest.approx(55.0)
    assert costs.least == pytest.approx(8.8)


def test_more_epochs_take_longer_in_proportion_and_fewer_no_shorter() -> None:
    costs = measured((of_shape(1, "a", epochs=10), 1, 10.0))
    assert costs.seconds(of_shape(2, "a"), 30) == pytest.approx(33.0)
    assert costs.seconds(of_shape(2, "a"), 5) == pytest.approx(11.0)


def test_a_trial_alone_takes_no_longer_than_a_pack() -> None:
    costs = measured((of_shape(1, "a"), 8, 40.0))
    assert costs.seconds(of_shape(2, "a"), 10) == pytest.approx(44.0)
    costs.add(of_shape(3, "a"), 1, 10.0, 10)
    assert costs.seconds(of_shape(2, "a"), 10) == pytest.approx(11.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (10.0, 1),  # not even one of them: it is for `seconds` to say so
        (21.9, 1),  # below two alone
        (22.1, 2),
        (43.9, 3),
        (44.1, 8),  # the pack as it was
        (88.1, 16),
        (60.6, 11),
    ],
)
def test_the_largest_pack_that_fits(seconds: float, expected: int) -> None:
    costs = measured((of_shape(1, "a"), 1, 10.0), (of_shape(1, "a"), 8, 40.0))
    assert costs.largest(of_shape(2, "a"), seconds, 10) == expected
    assert costs.largest(of_shape(2, "b"), seconds, 10) == 1


def test_a_clock_that_says_zero_is_no_error() -> None:
    costs = measured((of_shape(1, "a"), 1, 0.0))
    assert 0 < costs.seconds(of_shape(2, "a"), 10) < 1e-6
    assert costs.largest(of_shape(2, "a"), 1.0, 10) > 1000


def test_what_a_store_has_of_trials_that_ended_and_nothing_of_those_that_were_stopped(
    tmp_path: Path,
) -> None:
    trials = [trial(1), trial(2)]
    ends = [Result(Status.PASSED), Result(Status.STOPPED, RUNG)]
    sweep = SweepDir(created(request(tmp_path, trials)))
    with sweep.store.writing():
        for each, result in zip(trials, ends, strict=True):
            attempt = sweep.store.begin([each.number], 1, "cpu")[each.number]
            sweep.store.finish(each.number, attempt, result, time.time() - 60 * each.number)
    assert 60 < costs_of(sweep.store).seconds(trials[1], 1) < 120
    sweep.close()


def epochs(count: int) -> list[Record]:
    return [{"epoch": n, "val_acc": 50.0} for n in range(1, count + 1)]


def test_parts_up_to_a_rung_are_measured_by_their_own_epochs(tmp_path: Path) -> None:
    rules = {"STOP": "asha", "STOP_REDUCTION": "3", "STOP_RUNGS": "2,8"}
    trials = [trial(1, NUM_EPOCHS="20")]
    sweep = SweepDir(created(request(tmp_path, trials, **rules)))
    ends = {2: (1e4, PAUSED), 8: (6e4, PAUSED), 20: (9.6e4, "")}  # 5,000, 10,000 and 8,000 each
    with sweep.store.writing():
        for last, (seconds, reason) in ends.items():
            status = Status.STOPPED if reason else Status.PASSED
            result = Result(status, reason, history=epochs(last))
            attempt = sweep.store.begin([1], 1, "cpu")[1]
            sweep.store.finish(1, attempt, result, time.time() - seconds)
    costs = costs_of(sweep.store)
    said = [costs.seconds(trials[0], count) for count in (2, 6, 12)]
    assert said == pytest.approx([1.1e4, 3.3e4, 6.6e4], rel=0.01)  # never longer than in proportion
    assert costs.least == pytest.approx(1.1e4, rel=0.01)
    sweep.close()
