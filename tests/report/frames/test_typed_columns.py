from __future__ import annotations

import pytest

from espalier.report.frames.typed_columns import frame, number_column, setting_column, value_column


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (["1", "2", None], "Int64", [1, 2, None]),
        (["0.5", "1"], "float64", [0.5, 1.0]),
        (["y", "n"], "boolean", [True, False]),
        (["64", "64,32"], "str", ["64", "64,32"]),
        (["y", "auto"], "str", ["y", "auto"]),
        (["1", "y"], "str", ["1", "y"]),
        ([None, None], "str", [None, None]),
        ([str(2**63), "1"], "str", [str(2**63), "1"]),
    ],
)
def test_the_type_of_a_symbol_follows_from_all_of_its_values(
    texts: list[str | None], dtype: str, values: list[object]
) -> None:
    column = setting_column(texts)
    assert column.dtype == dtype
    missing = column.isna().tolist()
    assert missing == [value is None for value in values]
    assert [*column.dropna()] == [value for value in values if value is not None]


def test_measures_are_numbers_whatever_they_count() -> None:
    assert number_column([1, None, 2]).dtype == "float64"
    assert number_column([1, 2.5]).tolist() == [1.0, 2.5]
    assert number_column([None]).dtype == "float64"
    assert number_column(["a", 1.0]).tolist() == ["a", "1.0"]


def test_what_is_no_scalar_stays_as_it_is() -> None:
    assert value_column([[1, 2], None, 3]).tolist() == [[1, 2], None, 3]


def test_a_frame_without_rows_has_its_columns() -> None:
    empty = frame({"a": [], "b": value_column([])}, 0)
    assert (list(empty.columns), len(empty)) == (["a", "b"], 0)
