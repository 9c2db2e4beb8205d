from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from trial_results import ended
from two_arms import of_origin, two_arms

from espalier.analysis.comparing.sweep_pairs import PairedSweeps, is_identical, pair_sweeps
from espalier.analysis.equivalence import Answer
from espalier.analysis.rank import Configuration, TrialResult, rank
from espalier.core.measures import VAL_ACC
from espalier.core.trial import Status

WORSE, NOTHING = (0.0, -0.5, -1.0, -0.75), (0.0, 0.0, 0.0, 0.0)


def every(results: Sequence[TrialResult]) -> list[Configuration]:
    ranking = rank(results)
    return list(ranking.configurations)


def paired(first: Sequence[TrialResult], second: Sequence[TrialResult]) -> PairedSweeps:
    return pair_sweeps(every(first), every(second), VAL_ACC, 0.05)


def with_values(results: Sequence[TrialResult], **values: str) -> list[TrialResult]:
    return [
        item._replace(trial=replace(item.trial, config={**item.trial.config, **values}))
        for item in results
    ]


def test_the_same_sweep_twice() -> None:
    compared = paired(two_arms(), two_arms(start=11))
    assert [(a.first.number, b.first.number) for a, b in compared.pairs] == [(1, 11), (5, 15)]
    assert (len(compared.trials), compared.identical, compared.taken_over) == (8, 8, 0)
    assert (compared.settings, compared.alone, compared.unlike) == ((), ((), ()), [])
    assert {item.difference.mean for item in compared.answers} == {0.0}


def test_positive_where_the_first_is_better() -> None:
    compared = paired(two_arms(), two_arms(WORSE))
    first, second = compared.answers
    # 0.5, 0.75, 1.75 and 1.25: mean 1.0625
    assert (first.difference.mean, second.difference.mean) == (1.0625, 0.0)
    assert compared.over_all.difference.mean == pytest.approx(1.0625 / 2)
    assert compared.identical == 4


def test_what_is_said_is_corrected_by_holm() -> None:
    # mean 1.0625, deviation 0.5543, error 0.27717, t 3.833 with 3 degrees: p 0.0313, twice 0.0626
    compared = paired(two_arms(), two_arms(WORSE))
    assert compared.answers[0].p == pytest.approx(0.0313, abs=2e-4)
    assert compared.answers[0].answer is Answer.BETTER
    assert compared.said == [Answer.UNDECIDED, Answer.UNDECIDED]


def test_files_of_weights_are_matched_by_what_they_hold() -> None:
    def of_files(folder: str, start: int) -> list[TrialResult]:
        results = two_arms(start=start)
        return [
            *with_values(results[:4], INIT_FROM=f"{folder}/a.pt", INIT_FROM_SHA256="aa"),
            *with_values(results[4:], INIT_FROM=f"{folder}/b.pt", INIT_FROM_SHA256="bb"),
        ]

    compared = paired(of_files("here", 1), of_files("there", 11))
    assert [(a.first.number, b.first.number) for a, b in compared.pairs] == [(1, 11), (5, 15)]


def test_what_differs_throughout_is_a_setting() -> None:
    first = with_values(two_arms(), LR="0.1", OLD="y")
    second = with_values(two_arms(), LR="0.2", NEW="3")
    compared = paired(first, second)
    assert compared.settings == (("LR", "0.1", "0.2"), ("OLD", "y", ""), ("NEW", "", "3"))
    assert len(compared.pairs) == 2


def test_what_is_swept_must_agree() -> None:
    first = [*two_arms(LR="0.1"), *two_arms(start=9, LR="0.2")]
    second = [*two_arms(LR="0.2"), *two_arms(start=9, LR="0.3")]
    compared = paired(first, second)
    assert compared.settings == ()
    assert [(a.first.number, b.first.number) for a, b in compared.pairs] == [(9, 1), (13, 5)]
    assert [[item.first.number for item in side] for side in compared.alone] == [[1, 5], [9, 13]]


def test_two_that_only_a_lost_symbol_told_apart_have_no_partner() -> None:
    first = [*two_arms(LR="0.1"), *two_arms(start=9, LR="0.2")]
    compared = paired(first, two_arms())
    assert compared.settings == (("LR", "0.1, 0.2", ""),)
    assert (compared.pairs, len(compared.alone[0]), len(compared.alone[1])) == ((), 4, 2)
    assert compared.over_all.difference is None


def test_identical_is_in_all_but_what_clocks_measured() -> None:
    own = two_arms()[0]
    history = [{"epoch": 1, "train_loss": 0.5, "seconds": 1.0, "probe_seconds": 0.1}]

    def other(**measures: float) -> TrialResult:
        result = replace(own.result, measures={**own.result.measures, **measures}, history=history)
        return own._replace(result=result)

    assert is_identical(other(), other(total_time=11.0))
    assert not is_identical(other(), other(test_acc=90.0 + 1e-12))
    longer = other()
    longer.result.history[:] = [{**history[0], "seconds": 2.0}]
    assert is_identical(other(), longer)
    longer = longer._replace(result=replace(longer.result, history=[{**history[0], "step": 7}]))
    assert not is_identical(other(), longer)
    assert not is_identical(own, ended(own.trial, Status.FAILED, "diverged"))


def test_only_trials_that_ended_are_paired() -> None:
    second = two_arms()
    second[0] = ended(second[0].trial, Status.NOTRUN)
    second[1] = ended(second[1].trial, Status.FAILED, "diverged")
    compared = paired(two_arms(), second)
    assert (len(compared.trials), compared.identical) == (7, 6)
    assert [item.difference.n for item in compared.answers] == [2, 4]


def test_trials_that_were_taken_over_are_counted() -> None:
    second = two_arms()
    second[3] = of_origin(second[3], taken_over={"sweep": "sweep_1"})
    assert paired(two_arms(), second).taken_over == 1
