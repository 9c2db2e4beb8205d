from __future__ import annotations

import pytest

from espalier.kconfig.advice import spelling

NAMES = ["SEED", "BATCH_SIZE", "TEXT_STRIDE", "LEARNING_RATE", "AMP"]


@pytest.mark.parametrize(
    ("first", "second", "slips"),
    [
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "abxc", 1),
        ("abc", "ab", 1),
        ("abc", "abd", 1),
        ("ca", "abc", 3),  # no letter is moved twice
        ("", "abc", 3),
    ],
)
def test_slips_are_counted(first: str, second: str, slips: int) -> None:
    assert spelling.count_slips(first, second) == slips
    assert spelling.count_slips(second, first) == slips


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SED", "SEED"),
        ("BATHC_SIZE", "BATCH_SIZE"),
        ("batch_size", "BATCH_SIZE"),
        ("LERNING_RATES", "LEARNING_RATE"),
        ("TEST_MATRIX_MODE", None),
        ("ESED", "SEED"),
        ("GMP", None),
        ("LEARNINGRATE", "LEARNING_RATE"),
        ("LEARNING_MODE", None),
        ("LR", None),
        ("BATCH", None),
    ],
)
def test_only_what_is_near_is_meant(name: str, meant: str | None) -> None:
    assert spelling.nearest(name, NAMES) == meant
    assert spelling.nearest(name, []) is None
