"""Panels of rows: texts that fit beside them, and how many rows have room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_style import STYLES, drawing
from espalier.report.figures.row_panel import (
    RowText,
    fitted_panel,
    row_panel,
    rows_that_fit,
    value_head,
    value_label,
)

COLUMN = STYLES["column"]
HEAD = RowText("what", ("difference,", "n"))


def rows(count: int) -> list[RowText]:
    return [RowText(f"row {place}", ("+1.00", "n = 3")) for place in range(count)]


def test_rows_lie_below_each_other_within_the_panel() -> None:
    with drawing(COLUMN):
        made = row_panel(COLUMN, HEAD, rows(3), "seeds")
    assert made.places == tuple(sorted(made.places)) and len(made.places) == 3
    low, high = made.panel.get_ylim()
    assert 0 == high < made.places[0] and made.places[-1] < low


def test_parts_share_a_line_where_they_have_room() -> None:
    parts = ("a difference of some length", "over very many seeds", "not distinguishable from it")
    with drawing(COLUMN):
        made = row_panel(COLUMN, HEAD, [RowText("row", parts)], "seeds")
    assert made.panel.texts[-1].get_text().splitlines() == list(parts)
    with drawing(COLUMN):
        short = row_panel(COLUMN, HEAD, rows(1), "seeds")
    assert short.panel.texts[-1].get_text() == "+1.00  n = 3"


def test_as_many_rows_as_a_height_has_room_for() -> None:
    assert rows_that_fit(COLUMN, HEAD, rows(3), "seeds") == 3
    assert 10 < rows_that_fit(COLUMN, HEAD, rows(200), "seeds") < 60
    low = replace(COLUMN, height=2.0)
    assert 1 <= rows_that_fit(low, HEAD, rows(200), "seeds") < 10
    with pytest.raises(NothingToDrawError, match="no room for its panels; take a larger SIZE"):
        rows_that_fit(replace(COLUMN, height=0.5), HEAD, rows(5), "seeds")


def test_a_value_that_a_row_lacks_is_a_dash() -> None:
    names = AxisNames({"LR": "Rate"})
    symbols = ["LR", "NO_SUCH_SYMBOL"]
    assert value_label(names, symbols, {"LR": "0.1"}) == "0.1, \N{EN DASH}"
    assert value_head(names, symbols) == "Rate, No such symbol"


def test_a_panel_has_the_rows_that_have_room_or_all_that_were_asked_for() -> None:
    with drawing(COLUMN):
        every = rows(80)
        fitted = fitted_panel(COLUMN, HEAD, every, "seeds", None)
        assert len(fitted.places) == rows_that_fit(COLUMN, HEAD, every, "seeds") < 80
        assert len(fitted_panel(COLUMN, HEAD, every, "seeds", 80).places) == 80
        low = replace(COLUMN, height=3.0)
        assert len(fitted_panel(low, HEAD, every, "seeds", 80).places) < 10
