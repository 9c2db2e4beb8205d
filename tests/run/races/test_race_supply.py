"""Which seeds come next: for whom, and how many at once."""

from __future__ import annotations

import pytest
from trial_results import passed, trial

from espalier.analysis.race_standing import RaceStanding, standing
from espalier.core.records import RaceRecord
from espalier.run.races.race_supply import at_once

DIFFERENCES = (0.5, -0.5)
"""Of two configurations, by turns: they stay level."""


def level(seeds: int, of: int = 40) -> RaceStanding:
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=of, by="val_acc", seeds=["1"])
    results = [
        passed(trial(2 * seed + arm, seed, ARM=str(arm)), 90.0 + arm * DIFFERENCES[seed % 2])
        for seed in range(1, seeds + 1)
        for arm in (0, 1)
    ]
    return standing(results, rules)


@pytest.mark.parametrize(
    ("seeds", "workers", "pack", "then"),
    [
        (2, 2, 1, 3),  # before the first decision there are three
        (3, 2, 1, 4),
        (6, 2, 1, 7),  # two trials keep two workers busy
        (6, 8, 1, 8),  # 4 more would keep 8 workers busy, a third of 6 is 2
        (12, 8, 1, 16),
        (12, 2, 3, 15),  # 3 more fill two packs of three
        (12, 2, 100, 16),
        (39, 2, 100, 40),
    ],
)
def test_as_many_as_fill_the_packs_but_few_beside_those_before(
    seeds: int, workers: int, pack: int, then: int
) -> None:
    assert at_once(level(seeds), workers, lambda shape: pack) == then


def test_the_first_round_is_no_longer_than_the_race() -> None:
    assert at_once(level(1, of=2), 2, lambda shape: 1) == 2
