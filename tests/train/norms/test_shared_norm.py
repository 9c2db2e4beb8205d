"""Two processes, each with a share of a batch, normalise as one with all of it."""

from __future__ import annotations

from pathlib import Path

import gloo_pair
import norm_cases
import pytest

CLOSE = 1e-12  # float64; the limit is 1e-6


def test_shares_are_normalised_as_the_batch(tmp_path: Path) -> None:
    alone = [norm_cases.numbers(norm_cases.alone(n)) for n in norm_cases.SAMPLES]
    expected = [batch for batch in alone for _ in range(2)]
    for held in gloo_pair.run_on_two(norm_cases.run_shares, tmp_path):
        for ours, theirs in zip(held, expected, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                assert a == pytest.approx(b, rel=0, abs=CLOSE)
