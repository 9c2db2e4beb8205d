"""Bands: t-intervals of five seeds or more, else the range of the seeds."""

from __future__ import annotations

import pytest

from espalier.core.measures import VAL_ACC
from espalier.report.figures.numbers.seed_bands import SeedBands


def test_few_seeds_have_their_own_range() -> None:
    bands = SeedBands(VAL_ACC, [3, 1])
    assert bands.ends([90.0, 92.0, 91.0]) == (90.0, 92.0)
    assert bands.ends([90.0]) is None
    assert bands.words("bands") == "bands: from the least to the most, n = 1 to 3 seeds"


def test_five_seeds_have_an_interval_within_what_can_be() -> None:
    bands = SeedBands(VAL_ACC, [5, 5])
    low, high = bands.ends([99.0, 99.0, 99.0, 99.0, 100.0]) or (0.0, 0.0)
    assert low == pytest.approx(99.2 - 0.5553, abs=1e-4)  # 2.7764 times 0.2
    assert high == pytest.approx(99.7553, abs=1e-4)
    assert bands.ends([96.0, 100.0, 100.0, 100.0, 100.0]) == (pytest.approx(96.979, abs=1e-3), 100)
    assert bands.words("bars") == "bars: 95 % t-intervals, n = 5 seeds"


def test_one_seed_has_no_band() -> None:
    assert SeedBands(VAL_ACC, [1]).words("bands") == "no bands: n = 1 seed"
