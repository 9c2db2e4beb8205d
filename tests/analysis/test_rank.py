from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest
from trial_results import ended, passed, sweep, trial

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.rank import Configuration, Ranking, TrialResult, rank
from espalier.core.errors import UserError
from espalier.core.trial import Status


def order(ranking: Ranking) -> list[str]:
    return [item.first.name for item in ranking.ranked]


def test_seeds_of_a_configuration_are_one_row() -> None:
    ranking = rank(sweep({"0.85": [90.0, 92.0, 94.0], "0.87": [95.0, 96.0, 97.0]}))
    assert order(ranking) == ["config_004", "config_001"]
    score = ranking.ranked[1].score
    assert score is not None and (score.mean, score.n) == (92.0, 3)
    assert score.half_width == pytest.approx(4.3027 * 2 / math.sqrt(3), rel=1e-4)


def test_validation_selects_though_test_says_otherwise() -> None:
    results = [
        passed(trial(1, 1, LR="0.1"), val_acc=90.0, test_acc=80.0),
        passed(trial(2, 1, LR="0.2"), val_acc=80.0, test_acc=90.0),
    ]
    assert order(rank(results)) == ["config_001", "config_002"]
    assert order(rank(results, by="test_acc")) == ["config_002", "config_001"]


def test_less_of_a_loss_ranks_first() -> None:
    results = [
        passed(trial(2 * n + seed, seed, LR=str(n)), 50.0, val_loss=loss)
        for n, losses in enumerate(((0.5, 0.75), (0.25, 0.5), (0.25, 0.625)))
        for seed, loss in enumerate(losses, 1)
    ]
    ranking = rank(results, "val_loss")
    assert order(ranking) == ["config_003", "config_005", "config_001"]
    first, second, last = ranking.ranked
    assert first.score == Interval(0.375, 2, pytest.approx(12.7062 * 0.125, rel=1e-4))
    assert (last.lead.mean, last.verdict) == (0.25, Verdict.UNKNOWN)  # 0.25 ahead on both seeds
    assert (second.lead.mean, second.verdict) == (0.0625, Verdict.TIED)


def test_unknown_measure_is_refused() -> None:
    with pytest.raises(UserError, match="RANK_BY=val: must be one of val_acc, test_acc"):
        rank([], by="val")


@pytest.mark.parametrize("status", [item for item in Status if item is not Status.PASSED])
def test_only_passed_trials_are_ranked_whatever_their_numbers(status: Status) -> None:
    results = [
        ended(trial(1, 1, LR="0.1"), status, "why", val_acc=99.9, test_acc=99.9),
        passed(trial(2, 1, LR="0.2"), 10.0),
    ]
    ranking = rank(results)
    assert order(ranking) == ["config_002"]
    assert [item.first.name for item in ranking.unranked] == ["config_001"]


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "99"])
def test_a_score_that_is_no_finite_number_is_no_score(value: object) -> None:
    results = [*sweep({"0.85": [50.0]}), passed(trial(2, 1, ADAMWPRUNE_BETA1="0.9"), value)]  # type: ignore[arg-type]
    assert order(rank(results)) == ["config_001"]


def test_all_failed_has_no_best() -> None:
    ranking = rank([ended(trial(1, 1), Status.ERROR, "oom"), ended(trial(2, 2), Status.FAILED)])
    assert ranking.best is None and len(ranking.unranked) == 1


def test_nothing_at_all() -> None:
    assert rank([]) == Ranking("val_acc", (), ())


def test_lucky_survivor_does_not_beat_a_complete_configuration() -> None:
    results = sweep({"0.85": [90.0, 91.0, 92.0], "0.87": [99.0, 99.0]})
    results.append(ended(trial(6, 3, ADAMWPRUNE_BETA1="0.87"), Status.ERROR, "crash"))
    ranking = rank(results)
    assert order(ranking) == ["config_001", "config_004"]
    assert [item.complete for item in ranking.ranked] == [True, False]
    assert (len(ranking.ranked[1].scores), len(ranking.ranked[1].results)) == (2, 3)


def test_among_incomplete_ones_more_seeds_come_first() -> None:
    results = [
        passed(trial(1, 1, LR="1"), 99.0),
        ended(trial(2, 2, LR="1"), Status.FAILED, "diverged"),
        ended(trial(3, 3, LR="1"), Status.FAILED, "diverged"),
        passed(trial(4, 1, LR="2"), 50.0),
        passed(trial(5, 2, LR="2"), 50.0),
        ended(trial(6, 3, LR="2"), Status.NOTRUN),
    ]
    ranking = rank(results)
    assert order(ranking) == ["config_004", "config_001"]
    assert ranking.ranked[0].pending == 1


def test_first_is_a_trial_that_is_counted() -> None:
    results = [ended(trial(1, 1), Status.ERROR, "crash"), passed(trial(2, 2), 90.0)]
    assert order(rank(results)) == ["config_002"]


def test_ties_keep_plan_order_and_input_order_does_not_matter() -> None:
    results = sweep(
        {"0.1": [98.1, 98.2, 98.3], "0.2": [98.2, 98.2, 98.2], "0.3": [98.3, 98.2, 98.1]}
    )
    expected = rank(results)
    assert order(expected) == ["config_001", "config_004", "config_007"]
    for seed in range(5):
        shuffled = random.Random(seed).sample(results, len(results))
        assert rank(shuffled) == expected


def test_rounding_error_does_not_break_a_tie() -> None:
    ranking = rank(sweep({"a": [90.02, 97.12, 94.56], "b": [93.9, 93.9, 93.9]}))
    means = [item.score.mean for item in ranking.ranked if item.score]
    assert means[0] < means[1]  # by one part in 10^16
    assert order(ranking) == ["config_001", "config_004"] and ranking.level(ranking.ranked[1])


def test_difference_is_paired_by_seed() -> None:
    # Seeds vary by 10 points, the configurations by about 1 on each seed: pairing shows it.
    ranking = rank(sweep({"a": [80.0, 90.0, 70.0], "b": [79.0, 88.9, 69.1]}))
    behind = ranking.ranked[1]
    assert behind.lead is not None and behind.lead.n == 3
    assert behind.lead.mean == pytest.approx(1.0)
    assert behind.verdict is Verdict.BEHIND


@pytest.mark.parametrize(("seeds", "pairwise", "behind"), [(3, 308, 18), (10, 514, 60)])
def test_fifty_equal_configurations_are_rarely_called_behind(
    seeds: int, pairwise: int, behind: int
) -> None:
    """Of 2,000 equal ones in 40 fixed sweeps; `pairwise` by the interval of each on its own."""
    noise = np.random.default_rng(7)
    each: list[Configuration] = []
    for _ in range(40):
        common = noise.normal(0.0, 0.5, seeds)  # what a seed does to all
        scores = 100 / 360 * noise.binomial(360, 0.95, (50, seeds)) + common
        each += rank(sweep({str(n): list(row) for n, row in enumerate(scores)})).ranked
    alone = sum(verdict(item.lead) is Verdict.BEHIND for item in each)
    table = sum(item.verdict is Verdict.BEHIND for item in each)
    assert table <= 0.05 * len(each) < alone
    assert (alone, table) == (pairwise, behind)


def test_behind_holds_over_the_whole_table() -> None:
    # a - b is 1, 1.2, 0.8 with t = 8.66: behind of two (t > 2.92), not of many (K = 12: t > 10.2)
    two = {"a": [80.0, 90.0, 70.0], "b": [79.0, 88.8, 69.2]}
    others = {str(n): [60.0 + 9 * n % 7, 70.0 - n, 65.0 + 2 * n % 5] for n in range(10)}
    assert rank(sweep(two)).ranked[1].verdict is Verdict.BEHIND
    many = rank(sweep({**two, **others})).ranked
    assert (many[1].first.name, many[1].verdict) == ("config_004", Verdict.TIED)


def test_one_may_be_behind_another_than_the_first() -> None:
    # c has no seed in common with a, the first, and is behind b
    results = sweep({"b": [90.0, 91.0, 92.0], "c": [80.0, 81.1, 82.0]})
    results += [passed(trial(6 + n, 6 + n, ADAMWPRUNE_BETA1="a"), 95.0 + n) for n in (1, 2, 3)]
    ranking = rank(results)
    assert order(ranking) == ["config_007", "config_001", "config_004"]
    assert [item.verdict for item in ranking.ranked[1:]] == [Verdict.UNKNOWN, Verdict.BEHIND]


def test_what_missed_its_target_is_not_what_others_are_behind() -> None:
    results = sweep({"a": [90.0, 91.0, 92.0], "b": [50.0, 51.1, 52.0]})
    short = [
        passed(trial(7 + n, n, TARGET_SPARSITY="0.98", X="1"), 99.0 + n / 9) for n in (1, 2, 3)
    ]
    ranking = rank([*results, *short])
    assert [item.verdict for item in ranking.ranked] == [
        Verdict.TIED,
        Verdict.BEHIND,
        Verdict.UNKNOWN,
    ]


def test_difference_within_chance_is_said() -> None:
    ranking = rank(sweep({"a": [90.0, 91.0, 92.0], "b": [91.0, 90.5, 91.0]}))
    assert ranking.ranked[1].verdict is Verdict.TIED


def test_only_common_seeds_are_compared() -> None:
    results = [
        passed(trial(1, 1, LR="1"), 90.0),
        passed(trial(2, 2, LR="1"), 92.0),
        passed(trial(3, 2, LR="2"), 91.0),
        passed(trial(4, 3, LR="2"), 10.0),
    ]
    second = rank(results).ranked[1]
    assert second.lead == Interval(1.0, 1, None)
    assert second.verdict is Verdict.UNKNOWN


def test_no_common_seed() -> None:
    results = [passed(trial(1, 1, LR="1"), 90.0), passed(trial(2, 2, LR="2"), 80.0)]
    assert rank(results).ranked[1].lead is None


def test_configurations_differing_in_an_unswept_symbol_stay_apart() -> None:
    first = trial(1, 1)
    other = trial(2, 2)
    other = type(other)(2, other.name, other.id, {**other.config, "MODEL": "lenet5"}, other.swept)
    assert len(rank([passed(first, 90.0), passed(other, 91.0)]).ranked) == 2


def test_measure_means_are_over_the_counted_trials() -> None:
    results = [
        passed(trial(1, 1), 90.0, total_time=10.0),
        passed(trial(2, 2), 90.0, total_time=30.0),
        ended(trial(3, 3), Status.FAILED, "diverged", total_time=1000.0),
    ]
    ranking = rank(results).ranked[0]
    time = ranking.measure("total_time")
    assert time is not None and (time.mean, time.n) == (20.0, 2)
    assert ranking.measure("no_such") is None


def test_plain_tuples_are_taken() -> None:
    assert rank([tuple(item) for item in sweep({"a": [1.0]})]).best is not None


def test_a_trial_without_a_seed_symbol() -> None:
    item = trial(1, 1)
    bare = type(item)(1, item.name, item.id, {"X": "1"})
    assert TrialResult(*passed(bare, 1.0)).seed == ""


def test_missed_target_sparsity_ranks_below_every_one_that_met_it() -> None:
    target = {"TARGET_SPARSITY": "0.98"}
    results = [
        passed(trial(1, 1, END="400", **target), 99.0, final_sparsity=0.118, target_sparsity=0.98),
        passed(trial(2, 1, END="15", **target), 60.0, final_sparsity=0.98, target_sparsity=0.98),
        passed(trial(3, 1, END="14", **target), 50.0, final_sparsity=0.98, target_sparsity=0.98),
        ended(trial(4, 2, END="14", **target), Status.FAILED, "diverged"),
    ]
    ranking = rank(results)
    assert order(ranking) == ["config_002", "config_003", "config_001"]
    assert [bool(item.short) for item in ranking.ranked] == [False, False, True]


@pytest.mark.parametrize(
    ("reached", "is_short"), [(0.6991, False), (0.6989, True), (0.8, False), (None, False)]
)
def test_tolerance_of_the_target(reached: float | None, is_short: bool) -> None:
    (item,) = rank([passed(trial(1, 1), 90.0, final_sparsity=reached)]).ranked
    assert bool(item.short) is is_short


def test_the_target_that_was_measured_goes_before_the_symbol() -> None:
    (item,) = rank([passed(trial(1, 1), 90.0, target_sparsity=0.9)]).ranked  # 0.7 as a symbol
    assert item.counted[0].target == 0.9 and item.short


def test_a_network_that_was_told_no_target_has_not_missed_one() -> None:
    grown = trial(1, 1)
    config = {name: text for name, text in grown.config.items() if name != "TARGET_SPARSITY"}
    grown = dataclasses.replace(grown, config=config)
    (item,) = rank([passed(grown, 90.0, final_sparsity=0.8)]).ranked
    assert item.counted[0].target == item.counted[0].shortfall == 0 and not item.short


def test_one_short_seed_makes_its_configuration_short() -> None:
    results = sweep({"a": [99.0, 99.0], "b": [50.0, 50.0]})
    results[1] = passed(results[1].trial, 99.0, final_sparsity=0.5)
    assert order(rank(results)) == ["config_003", "config_001"]


def test_split_seeds_are_repetitions_and_pairs_match_both_seeds() -> None:
    results = [
        passed(trial(1, 1, LR="1", SPLIT_SEED="0"), 80.0),
        passed(trial(2, 1, LR="1", SPLIT_SEED="1"), 90.0),
        passed(trial(3, 2, LR="1", SPLIT_SEED="0"), 70.0),
        passed(trial(4, 1, LR="2", SPLIT_SEED="0"), 79.0),
        passed(trial(5, 1, LR="2", SPLIT_SEED="1"), 88.9),
        passed(trial(6, 2, LR="2", SPLIT_SEED="1"), 60.0),  # no such pair in the other
    ]
    ranking = rank(results)
    assert order(ranking) == ["config_001", "config_004"]
    assert [len(item.scores) for item in ranking.ranked] == [3, 3]
    lead = ranking.ranked[1].lead
    assert lead is not None and lead.n == 2
    assert lead.mean == pytest.approx(1.05)


@pytest.mark.parametrize(
    "name", ["DATASET", "VALIDATION_FRACTION", "DIGITS_SIZE", "SHIFT", "SHIFT_SEED"]
)
def test_other_validation_samples_are_never_compared(name: str) -> None:
    results = [
        passed(trial(2 * which + seed, seed, **{name: text}), 90.0)
        for which, text in enumerate(("digits", "other"))
        for seed in (1, 2)
    ]
    ranking = rank(results)
    assert ranking.ranked[1].lead is None
    assert ranking.ranked[1].verdict is Verdict.UNKNOWN
    assert not ranking.level(ranking.ranked[1])
