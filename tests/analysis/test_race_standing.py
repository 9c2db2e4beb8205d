"""How a race stands: scores in the order of seeds, as many in a row as have ended."""

from __future__ import annotations

import random

from trial_results import ended, passed, trial

from espalier.analysis.race_decisions import RaceStatus
from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import TrialResult
from espalier.core.records import RaceRecord
from espalier.core.trial import Status

RULES = RaceRecord(alpha=0.05, margin=0.0, max_seeds=8, by="val_acc", seeds=["5", "1"])
GAPS = [0.0, 0.3, -0.2, 0.1, 0.0, 0.2, -0.1, 0.1]
"""Spread of the differences between the two configurations."""


def results(seeds: list[int], behind: float = 4.0) -> list[TrialResult]:
    """Two configurations, the second behind by so much on average."""
    made = []
    for place, seed in enumerate(seeds):
        number = 2 * place + 1
        made.append(passed(trial(number, seed, LR="a"), 90.0 + seed))
        worse = 90.0 + seed - behind + GAPS[place]
        made.append(passed(trial(number + 1, seed, LR="b"), worse))
    return made


def statuses(race: RaceStanding) -> list[tuple[str, int, int | None]]:
    decisions = [item.decision for item in race.configurations]
    return [(each.status, each.seeds, each.left) for each in decisions]


def test_one_is_behind_and_the_other_best() -> None:
    race = standing(results([5, 1, 6, 7]), RULES)
    assert statuses(race) == [("best", 3, None), ("behind", 3, 3)]
    assert race.state.ended and race.leader is race.configurations[0]
    assert (race.spent, race.full) == (8, 16)
    assert race.configurations[0].mean == 94.0  # of seeds 5, 1 and 6
    assert [item.seed for item in race.configurations[0].results] == ["5", "1", "6", "7"]


def test_the_order_of_trials_changes_nothing() -> None:
    every = results([5, 1, 6, 7, 8, 9, 10, 11], behind=0.1)
    before = standing(every, RULES)
    for seed in range(5):
        mixed = random.Random(seed).sample(every, len(every))
        assert statuses(standing(mixed, RULES)) == statuses(before)
    assert statuses(before) == [("undecided", 8, None)] * 2 and before.state.ended


def test_a_seed_that_is_still_to_run_ends_the_row() -> None:
    every = results([5, 1, 6, 7])
    every[4] = ended(every[4].trial, Status.NOTRUN)
    race = standing(every, RULES)
    assert (race.state.rounds, race.state.ended, len(race.survivors)) == (0, False, 2)
    assert race.spent == 7
    missing = [item for item in results([5, 1, 7, 8])]  # no trial of seed 6 was planned
    assert standing(missing, RULES).state.rounds == 0
    assert standing(results([5, 1, 6]), RULES, unfinished={6}).state.rounds == 0


def test_a_failed_trial_has_no_score_and_its_pair_is_left_out() -> None:
    every = results([5, 1, 6, 7])
    every[0] = ended(every[0].trial, Status.FAILED, "diverged")
    race = standing(every, RULES)
    assert race.configurations[0].mean is not None
    assert race.configurations[1].decision.left == 4  # a round later than with all pairs
    for place in (2, 4, 6):
        every[place] = ended(every[place].trial, Status.ERROR, "crash")
    race = standing(every, RULES)
    first = race.configurations[0]
    assert first.decision.status is RaceStatus.UNDECIDED and first.decision.reason
    assert first.mean is None and race.leader is race.configurations[1]


def test_of_a_loss_the_smaller_is_better() -> None:
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=8, by="val_loss", seeds=["5", "1"])
    every = [
        passed(item.trial, 50.0, val_loss=item.result.measures["val_acc"])
        for item in results([5, 1, 6])
    ]
    race = standing(every, rules)
    assert statuses(race) == [("behind", 3, 3), ("best", 3, None)]
    assert race.leader is race.configurations[1]


def test_a_measure_of_an_entry_decides_in_its_direction() -> None:
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=8, by="pain:min", seeds=["5", "1"])
    every = [
        passed(item.trial, 50.0, pain=item.result.measures["val_acc"])
        for item in results([5, 1, 6])
    ]
    assert statuses(standing(every, rules)) == [("behind", 3, 3), ("best", 3, None)]


def test_lengthened_it_goes_on_and_what_was_decided_stays() -> None:
    every = results([5, 1, 6, 7, 8], behind=0.1)
    short = RaceRecord(alpha=0.05, margin=0.0, max_seeds=5, by="val_acc", seeds=["5", "1"])
    assert standing(every, short).state.ended
    assert not standing(every, RULES).state.ended
