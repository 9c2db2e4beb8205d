from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from trial_results import passed, sweep, trial

from espalier.analysis.comparing.paired_spread import PairedSpread, paired_spread
from espalier.analysis.rank import Configuration, TrialResult, grouped
from espalier.core.measures import VAL_ACC, VAL_LOSS


def spread(results: Sequence[TrialResult]) -> PairedSpread | None:
    return paired_spread([Configuration(group, {}) for group in grouped(results)], VAL_ACC)


def test_the_median_over_pairs_of_the_deviation_of_differences() -> None:
    """Differences (0, 1, 2) and (0, 2, 4) to the first, (0, 1, 2) between the others."""
    made = spread(sweep({"a": [90, 91, 92], "b": [90, 92, 94], "c": [90, 93, 96]}))
    assert made is not None
    assert made.sd == pytest.approx(1.0)
    assert (made.pairs, made.seeds) == (3, 3)


def test_the_spread_is_that_of_pairs_and_not_of_scores() -> None:
    """Differences (1, 0, 2)."""
    made = spread(sweep({"a": [10, 50, 90], "b": [11, 50, 92]}))
    assert made is not None
    assert made.sd == pytest.approx(math.sqrt((0 + 1 + 1) / 2))


def test_differences_that_are_the_same_on_all_seeds_say_nothing() -> None:
    results = sweep({"a": [90.1, 91.2, 92.3], "b": [91.1, 92.2, 93.3], "c": [90, 92, 91]})
    made = spread(results)
    assert made is not None
    assert made.pairs == 2
    assert spread(results[:6]) is None


def test_two_seeds_and_one_configuration_say_nothing() -> None:
    assert spread(sweep({"a": [90, 91], "b": [90, 92]})) is None
    assert spread(sweep({"a": [90, 91, 92]})) is None
    assert spread([]) is None


def test_only_configurations_of_the_same_seeds_and_samples_are_pairs() -> None:
    seeds = [passed(trial(seed, seed, B="1"), 90 + seed) for seed in (1, 2, 3)]
    others = [passed(trial(seed + 3, seed, B="2"), 90 + seed**2) for seed in (2, 3, 4)]
    assert spread(seeds + others) is None
    elsewhere = [
        passed(trial(n + 3, n, B="2", VALIDATION_FRACTION="0.5"), 90 + n**2) for n in (1, 2, 3)
    ]
    assert spread(seeds + elsewhere) is None


def test_a_measure_that_trials_do_not_have_has_no_spread() -> None:
    every = [Configuration(g, {}) for g in grouped(sweep({"a": [1, 2, 3], "b": [1, 3, 3]}))]
    assert paired_spread(every, VAL_LOSS) is None
