from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@given(VALUES)
def test_a_line_is_strict_json_of_the_finite_value(value: object) -> None:
    line = strict_json.encode(value)
    assert "\n" not in line
    assert json.loads(line, parse_constant=refuse) == strict_json.finite(value)
    assert json.loads(strict_json.pretty(value), parse_constant=refuse) == strict_json.finite(value)


def test_only_numbers_that_are_not_finite_change() -> None:
    given = {"a": [math.nan, math.inf, -math.inf, 1.5, "NaN"], "b": (1, True, None)}
    expected = {"a": [None, None, None, 1.5, "NaN"], "b": [1, True, None]}
    assert strict_json.finite(given) == expected


def test_what_is_not_plain_data_is_refused() -> None:
    with pytest.raises(TypeError):
        strict_json.encode(object())
