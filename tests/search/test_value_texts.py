"""Values of Python become the lines of a range file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.kconfig import range_file
from espalier.search.value_texts import range_text

LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1|0.2", "0.1|0.2"),
        ([0.1, 1e-5, 3], "0.1|1e-05|3"),
        ((True, False), "y|n"),
        (np.float64(0.5), "0.5"),
        (range(3), "0|1|2"),
        (["a|b", 'c"d'], '"a|b"|"c\\"d"'),
        (np.array([1, 2]), "1|2"),
    ],
)
def test_values_as_range_files_spell_them(value: Any, text: str) -> None:
    assert range_text({"LEARNING_RATE": value}) == f"CONFIG_LEARNING_RATE={text}"


def test_a_name_may_have_its_prefix() -> None:
    assert range_text({"CONFIG_A": 1, "B": "x"}) == "CONFIG_A=1\nCONFIG_B=x"


@given(st.lists(LINE, min_size=1))
def test_the_elements_of_a_list_are_read_back(values: list[str]) -> None:
    (setting,) = range_file.parse(range_text({"A": values}), "range")
    assert list(setting.values) == values


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"A": None}, "range: CONFIG_A=None: must be a number, a text, True or False"),
        ({"A": [[1]]}, "range: CONFIG_A=[1]: must be a number"),
        ({"A": "1\nCONFIG_B=2"}, "range: CONFIG_A='1\\nCONFIG_B=2': must be one line"),
        ({"a b": 1}, "range: 'a b': must be the name of a symbol"),
        ({3: 1}, "range: 3: must be the name of a symbol"),
    ],
)
def test_what_is_no_value_is_one_line(given: Any, text: str) -> None:
    with pytest.raises(UserError) as caught:
        range_text(given)
    assert str(caught.value).startswith(text) and len(caught.value.lines) == 1
