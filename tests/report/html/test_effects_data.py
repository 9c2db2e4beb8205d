from __future__ import annotations

from itertools import product

import pytest
from trial_results import passed, trial

from espalier.analysis.rank import TrialResult, rank
from espalier.report.html.effects_data import effects_data


def grid(skip: int = 0) -> list[TrialResult]:
    """Two by two and two seeds: LR adds 4, WIDTH 1; the first trials may be skipped."""
    cells = list(product(("0.1", "0.2"), ("8", "16"), (1, 2)))
    made = [
        passed(
            trial(n, seed, LR=rate, WIDTH=width),
            90.0 + 4 * (rate == "0.2") + (width == "16") + seed / 10,
        )
        for n, (rate, width, seed) in enumerate(cells, 1)
    ]
    return made[skip:]


def test_a_full_grid_has_means_and_no_importance() -> None:
    made = effects_data(rank(grid()))
    assert made["importance"] is None and made["without"] == []
    rates, widths = made["axes"]
    assert rates["note"] == "balanced: over all 4 configurations"
    assert [level["mean"] for level in rates["levels"]] == [90.65, 94.65]
    assert [level["mean"] for level in widths["levels"]] == [92.15, 93.15]
    # seeds differ by 0.1: a half width of t * 0.1 / sqrt(2) / sqrt(2)
    assert rates["levels"][0]["half"] == pytest.approx(12.706 * 0.05, abs=1e-3)


def test_what_is_not_balanced_is_said() -> None:
    made = effects_data(rank(grid(skip=2)))
    rates, widths = made["axes"]
    assert rates["note"] == "over 2 of 3 configurations, whose other settings are the same"
    assert all(level["half"] is None for level in rates["levels"] + widths["levels"])
    assert made["importance"] is None  # too few configurations to grow a forest from


def test_a_random_plan_has_importance_with_its_caveat() -> None:
    results = [
        passed(trial(n, 1, LR=f"0.{n}", WIDTH=str(n % 3)), 80.0 + 5 * (n % 3)) for n in range(1, 61)
    ]
    made = effects_data(rank(results))
    assert made["without"] == ["LR", "WIDTH"]
    first, second = made["importance"]["shares"]
    assert first["symbol"] == "WIDTH" and first["share"] > 0.8 > 0.2 > second["share"]
    assert "describes the forest, not an experiment" in made["importance"]["caveat"]
