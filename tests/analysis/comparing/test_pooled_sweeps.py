from __future__ import annotations

from trial_results import ended, passed
from two_arms import arm_trial, two_arms

from espalier.analysis.comparing.pooled_sweeps import pool
from espalier.core.trial import Status


def test_one_sweep_stays_as_it_is() -> None:
    results = two_arms(start=5)
    assert pool([results]) == (results, 0)


def test_a_trial_of_several_sweeps_counts_once() -> None:
    both = two_arms()
    more = passed(arm_trial(1, 5, "state"), 99.0)
    results, repeated = pool([both, [more, *both[:2]]])
    assert repeated == 2
    assert [item.trial.number for item in results] == [*range(1, 10)]
    assert results[-1].trial.config == more.trial.config and results[-1].trial.name == "config_001"


def test_it_counts_where_it_passed_first() -> None:
    first, second = (passed(arm_trial(1, 1, "state"), score) for score in (1.0, 2.0))
    failed = ended(first.trial, Status.FAILED, "diverged")
    assert pool([[first], [second]]).results[0].measure("val_acc") == 1.0
    assert pool([[failed], [second]]).results[0].measure("val_acc") == 2.0
    assert pool([[first], [failed]]).results[0].measure("val_acc") == 1.0
    assert pool([[failed], [failed]]).results[0].result.status is Status.FAILED
