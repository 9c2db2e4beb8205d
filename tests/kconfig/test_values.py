from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.kconfig.values import canonical


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("float", "1e-4", "0.0001"),
        ("float", "0.00010", "0.0001"),
        ("float", "1e-8", "1e-8"),
        ("float", "0.00000001", "1e-8"),
        ("float", "1.0", "1"),
        ("float", ".5", "0.5"),
        ("float", "+7.", "7"),
        ("float", "-0.0", "0"),
        ("float", "1E3", "1000"),
        ("float", "1e30", "1e30"),
        ("float", "0.10000000000000000001", "0.1"),
        ("int", "005", "5"),
        ("int", "+5", "5"),
        ("int", "-5", "-5"),
        ("hex", "0X1F", "0x1f"),
        ("hex", "1f", "0x1f"),
        ("bool", "y", "y"),
        ("string", " as is ", " as is "),
    ],
)
def test_one_spelling(kind: str, text: str, expected: str) -> None:
    assert canonical(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("float", "abc"),
        ("float", ""),
        ("float", "nan"),
        ("float", "inf"),
        ("float", "1e999"),
        ("float", "1_0"),
        ("float", "0x10"),
        ("float", " 1"),
        ("int", "1_0"),
        ("int", " 5 "),
        ("int", "1e3"),
        ("int", "5.0"),
        ("int", ""),
        ("int", "1" * 5000),
        ("int", "\u0663"),  # a digit, but not of ours
        ("hex", "0xg"),
        ("bool", "m"),
        ("bool", "yes"),
        ("string", "a\nb"),
    ],
)
def test_what_is_no_value(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        canonical(kind, text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_canonical_floats_keep_their_value(number: float) -> None:
    text = canonical("float", repr(number))
    assert float(text) == number
    assert canonical("float", text) == text
