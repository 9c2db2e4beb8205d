"""Columns of a frame with a type that follows from what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from espalier.report.sweep_summary import typed

if TYPE_CHECKING:  # its import would take half a second
    import pandas as pd

LARGEST = 2**63 - 1
"""The largest integer of a column; what is larger is text."""
NUMBERS = ("Int64", "float64")


def setting_column(texts: Sequence[str | None]) -> pd.Series[Any]:
    """Return the values of a symbol: all switches, all integers, all numbers, or else its texts.

    None is a missing value: the symbol's menu is off there.
    """
    values = [typed(text) for text in texts]
    return value_column(values if _kind(values) != "str" else texts)


def value_column(values: Sequence[object]) -> pd.Series[Any]:
    """Return values as boolean, Int64, float64 or str; what is none of these stays as it is.

    None is a missing value. Integers beside numbers are numbers.
    """
    import pandas as pd

    return pd.Series(list(values), dtype=_kind(values))


def number_column(values: Sequence[object]) -> pd.Series[Any]:
    """Return measures as float64, whatever numbers they are; of others `value_column`."""
    import pandas as pd

    numbers = all(value is None or _type(value) in NUMBERS for value in values)
    return pd.Series(list(values), dtype="float64") if numbers else value_column(values)


def frame(columns: Mapping[str, Sequence[object] | pd.Series[Any]], rows: int) -> pd.DataFrame:
    """Return a frame of columns, each typed by `value_column` unless it is a Series already."""
    import pandas as pd

    typed_ones = {
        name: values if isinstance(values, pd.Series) else value_column(values)
        for name, values in columns.items()
    }
    return pd.DataFrame(typed_ones, index=pd.RangeIndex(rows))


def names_of(records: Iterable[Mapping[str, object]]) -> list[str]:
    """Return all keys of records, in order of first appearance."""
    return list(dict.fromkeys(name for record in records for name in record))


def _kind(values: Iterable[object]) -> str:
    kinds = {_type(value) for value in values if value is not None}
    if kinds == set(NUMBERS):
        return "float64"
    if len(kinds) == 1:
        return kinds.pop()
    return "object" if "object" in kinds else "str"


def _type(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "Int64" if abs(value) <= LARGEST else "str"
    return {bool: "boolean", float: "float64", str: "str"}.get(type(value), "object")
