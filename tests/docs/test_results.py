"""The page on results says how often `rank` calls equal configurations behind."""

from __future__ import annotations

import re

import numpy as np
import pytest
from trial_results import sweep

from espalier.analysis.confidence import Verdict
from espalier.analysis.rank import rank
from espalier.core.paths import ROOT

SAMPLES, RIGHT, SWEEPS = 360, 0.95, 30


def behind(configurations: int, seeds: int, random: np.random.Generator) -> int:
    """Return how many of equal configurations are called behind the best of them."""
    counts = random.binomial(SAMPLES, RIGHT, (configurations, seeds))
    scores = {str(n): [100 * k / SAMPLES for k in row] for n, row in enumerate(counts.tolist())}
    return sum(item.verdict is Verdict.BEHIND for item in rank(sweep(scores)).ranked[1:])


@pytest.mark.parametrize("configurations", [20, 50])
def test_the_page_says_how_many_equal_ones_look_behind(configurations: int) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {configurations} \| (.*) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert row
    for text, seeds in zip(row.groups(), (3, 5, 10), strict=True):
        random = np.random.default_rng(seeds)
        counts = [behind(configurations, seeds, random) for _ in range(SWEEPS)]
        error = np.std(counts) / SWEEPS**0.5
        assert abs(np.mean(counts) - float(text)) < 3 * error
