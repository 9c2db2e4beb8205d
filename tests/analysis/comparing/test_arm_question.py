from __future__ import annotations

import pytest
from trial_results import ended, passed
from two_arms import MAGNITUDE, STATE, arm_trial, ask_two, at_two_sparsities, of_origin, two_arms

from espalier.analysis.arms import Arm
from espalier.analysis.equivalence import Answer
from espalier.core.measures import VAL_LOSS
from espalier.core.trial import Status


def test_better_and_worse() -> None:
    verdict = ask_two(two_arms())
    assert (verdict.reply.answer, verdict.n) == (Answer.BETTER, 4)
    # 3.18245 * 0.10206
    assert verdict.bounds == (
        pytest.approx(0.5 - 0.32480, abs=1e-4),
        pytest.approx(0.8248, abs=1e-4),
    )
    assert verdict.seeds_needed is None
    mirrored = ask_two(two_arms(), first=MAGNITUDE, second=STATE)
    assert (mirrored.reply.answer, mirrored.reply.difference.mean) == (Answer.WORSE, -0.5)


def test_the_measures_direction_counts() -> None:
    losses = [
        passed(arm_trial(1 + seed + 4 * side, seed, method), 50.0, val_loss=1.0 + side * gain)
        for side, method in enumerate(("state", "magnitude"))
        for seed, gain in enumerate((0.5, 0.25, 0.75, 0.5))
    ]
    verdict = ask_two(losses, by=VAL_LOSS)
    assert (verdict.reply.answer, verdict.reply.difference.mean) == (Answer.BETTER, 0.5)


def test_equivalent_within_the_margin() -> None:
    verdict = ask_two(two_arms([0.25, -0.25, 0.125, -0.125]), margin=1.0)
    assert verdict.reply.answer is Answer.EQUIVALENT


def test_undecided_says_how_many_seeds_would_do() -> None:
    gains = [1.0, -0.5, 1.0, -0.5]  # mean 0.25, deviation 0.866: an effect of 0.2887
    verdict = ask_two(two_arms(gains))
    assert verdict.reply.answer is Answer.UNDECIDED
    # Cohen 1988, table 2.3.5: power 0.80 two-sided 0.05 for 0.29 takes about 96
    assert 92 <= verdict.seeds_needed <= 98
    assert ask_two(two_arms(gains), margin=1.0).seeds_needed < 20  # equivalence is nearer
    single = ask_two(two_arms([1.0]))
    assert (single.reply.answer, single.n, single.seeds_needed) == (Answer.UNDECIDED, 1, None)
    same = ask_two(two_arms([1.0, 1.0, 1.0]))
    assert (same.reply.answer, same.seeds_needed) == (Answer.UNDECIDED, None)


def test_with_evidence_it_holds_at_any_time() -> None:
    verdict = ask_two(two_arms([0.5, 0.25, 0.75, 0.5, 0.4, 0.6, 0.3, 0.7]), anytime=True)
    assert verdict.reply.answer is Answer.BETTER
    low, high = verdict.bounds
    assert 0 < low < 0.5 < high
    assert ask_two(two_arms(), anytime=True).reply.answer is Answer.UNDECIDED  # 4 are few


def test_a_seed_that_not_all_pairs_have_is_left_out() -> None:
    verdict = ask_two(at_two_sparsities())
    assert (len(verdict.pairs), verdict.n) == (2, 2)
    assert [*verdict.differences.values()] == [0.75, 0.375]
    assert verdict.dropped == [("3", ""), ("4", "")]
    within = ask_two(at_two_sparsities(), where=Arm({"SPARSITY": "0.5"}))
    assert (len(within.pairs), within.n, within.dropped) == (1, 4, [])


def test_what_does_not_count_is_listed() -> None:
    results = at_two_sparsities()
    results[0] = ended(results[0].trial, Status.FAILED, "diverged")
    results[1] = ended(results[1].trial, Status.NOTRUN)
    results[8:10] = [ended(item.trial, Status.ERROR, "crash") for item in results[8:10]]
    results.append(passed(arm_trial(20, 1, "state", SPARSITY="0.95"), 1.0))
    verdict = ask_two(results)
    assert [item.trial.number for item in verdict.lost] == [1, 9, 10]
    assert [item.trial.number for item in verdict.pending] == [2]
    assert [first.first.number for first, _ in verdict.unpaired] == [9]
    assert [[item.first.number for item in side] for side in verdict.alone] == [[20], []]
    assert verdict.n == 2


def test_no_pair_with_a_number_is_undecided() -> None:
    results = two_arms([0.5])
    results[0] = ended(results[0].trial, Status.ERROR, "crash")
    verdict = ask_two(results)
    assert (verdict.reply.answer, verdict.n, verdict.reply.difference) == (
        Answer.UNDECIDED,
        0,
        None,
    )


def test_what_is_unequal() -> None:
    results = [
        passed(
            arm_trial(1 + seed + 2 * side, seed, method),
            90.0 + seed,
            live_parameters=100 + side,
            steps=10,
            total_time=5.0 + seed + side,
        )
        for side, method in enumerate(("state", "magnitude"))
        for seed in range(2)
    ]
    unequal = ask_two(results).unequal
    assert unequal == {"live_parameters": (100.0, 101.0), "total_time": (5.5, 6.5)}


def test_sides_that_were_not_made_alike() -> None:
    results = two_arms([0.5, 0.25])
    results[2] = of_origin(results[2], device="a")
    results[0] = of_origin(results[0], device="b")
    (item,) = ask_two(results).unlike
    assert (item.what, item.count, item.of, item.sides) == ("device", 1, 2, ("b", "a"))
