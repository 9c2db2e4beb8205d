from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.report.exports.tool_names import changed, quoted, shortened, tool_names, unquoted


def test_a_name_that_fits_stays() -> None:
    names = tool_names(["val_acc", "a/../b", "a?b"], str.isidentifier)
    assert names["val_acc"] == "val_acc"
    assert names["a/../b"].startswith("a_b_") and len(names["a/../b"]) == 4 + 12
    assert names["a/../b"] != names["a?b"]
    assert changed(names) == {names["a/../b"]: "a/../b", names["a?b"]: "a?b"}


def test_a_name_without_a_letter_is_its_digest() -> None:
    assert tool_names([""], bool) == {"": "e3b0c44298fc"}  # SHA-256 of nothing
    assert tool_names(["..."], str.isidentifier)["..."].isalnum()


def test_a_long_text_keeps_its_start() -> None:
    assert shortened("a" * 10, 10) == "a" * 10
    short = shortened("a" * 100, 99)
    assert short.startswith("a" * 40 + "... ") and len(short) == 56


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
def test_what_is_quoted_comes_back(value: Any) -> None:
    given_back = unquoted(quoted(value))
    assert given_back == value and type(given_back) is type(value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '"', '"NaN"'])
def test_a_text_that_looks_like_a_number_stays_text(text: str) -> None:
    assert quoted(text) != text
    assert unquoted(quoted(text)) == text


def test_numbers_that_json_has_as_texts_are_numbers() -> None:
    assert math.isnan(unquoted("NaN"))
    assert [unquoted("Infinity"), unquoted("-Infinity")] == [math.inf, -math.inf]
