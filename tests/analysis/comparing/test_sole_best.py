from __future__ import annotations

from collections.abc import Sequence

import pytest
from trial_results import ended, passed, sweep, trial

from espalier.analysis.comparing.sole_best import sole_best
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Status

AHEAD = {"0.8": [96.0, 96.2, 96.1], "0.9": [98.0, 98.1, 98.2]}
SPARE = trial(99, 1, ADAMWPRUNE_BETA1="0.7")


def test_all_others_are_behind() -> None:
    ranking = rank(sweep(AHEAD))
    assert sole_best(ranking).best is ranking.best
    assert sole_best(ranking).why == ""


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([], "no configuration has a score"),
        (sweep({"0.8": [96.0, 97.0]}), "there is no other to compare with"),
        (sweep(AHEAD | {"0.7": [98.1, 97.9, 98.1]}), "1 of 2 others not behind the best"),
        (sweep({"0.8": [96.0], "0.9": [98.0]}), "1 of 1 others not behind the best"),
        ([*sweep(AHEAD), ended(SPARE, Status.NOTRUN)], "1 trial not run yet"),
    ],
)
def test_why_there_is_none(results: Sequence[TrialResult], why: str) -> None:
    assert (sole_best(rank(results)).best, sole_best(rank(results)).why) == (None, why)


def test_a_race_has_none() -> None:
    assert sole_best(rank(sweep(AHEAD), raced=True)).why == "a race gave out the seeds"


def test_what_missed_its_target_is_no_rival() -> None:
    missed = [
        passed(trial(90 + n, n, ADAMWPRUNE_BETA1="0.7"), 99.0, final_sparsity=0.1) for n in (1, 2)
    ]
    ranking = rank([*sweep(AHEAD), *missed])
    assert sole_best(ranking).best is ranking.best
    assert ranking.best and ranking.best.first.swept["ADAMWPRUNE_BETA1"] == "0.9"


def test_what_failed_is_no_rival() -> None:
    ranking = rank([*sweep(AHEAD), ended(SPARE, Status.FAILED)])
    assert sole_best(ranking).best is ranking.best
