"""Sizes of figures, the looks of series, settings of a user's own that change nothing."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from espalier.core.errors import UserError
from espalier.report.figures.figure_style import (
    SERIES,
    STYLES,
    USUAL,
    drawing,
    new_panels,
    panel_grid,
    resized,
    series_look,
)


def test_the_sizes_of_a_column_a_page_and_a_talk() -> None:
    sizes = {name: (style.width, style.font) for name, style in STYLES.items()}
    assert sizes == {"column": (3.4, 8), "page": (7.0, 9), "talk": (10.0, 16)}
    assert USUAL in STYLES


def test_no_two_series_look_alike_and_neighbours_differ_in_everything() -> None:
    assert len(set(SERIES)) == len(SERIES) == 210  # 7 colours, 6 markers, 5 lines
    for first, second in zip(SERIES, SERIES[1:], strict=False):
        assert all(a != b for a, b in zip(first, second, strict=True))
    assert series_look(210) == series_look(0)


def test_a_user_s_settings_change_no_figure_and_come_back() -> None:
    with mpl.rc_context({"font.size": 40.0, "text.parse_math": True}):
        with drawing(STYLES["column"]):
            assert mpl.rcParams["font.size"] == 8
            assert mpl.rcParams["text.parse_math"] is False
        assert mpl.rcParams["font.size"] == 40.0


def test_panels_have_the_heights_they_are_given() -> None:
    with drawing(STYLES["page"]):
        figure, grid = new_panels(STYLES["page"], 2, 1, [1.0, 3.0])
        assert figure.get_size_inches().tolist() == [7.0, 4.0]
        assert [len(row) for row in grid] == [1, 1]
        fixed, _ = new_panels(resized(STYLES["page"], "5x2", None), 2, 1, [1.0, 3.0])
        assert fixed.get_size_inches().tolist() == [5.0, 2.0]


def test_a_grid_has_as_many_panels_as_it_is_given() -> None:
    with drawing(STYLES["page"]):
        figure, panels = panel_grid(STYLES["page"], 4)
    assert len(panels) == 4
    assert [panel.axison for panel in figure.axes] == [True] * 4 + [False] * 2


def test_size_and_dots() -> None:
    style = resized(STYLES["page"], "3.4X2.6", 72)
    assert (style.width, style.height, style.dpi, style.font) == (3.4, 2.6, 72, 9)
    assert resized(STYLES["talk"], None, None) is STYLES["talk"]


@pytest.mark.parametrize("size", ["3.4", "axb", "0x3", "3x-1", "nanx2", "infx2", "1x2x3", "99x3"])
def test_what_is_no_size_is_one_line(size: str) -> None:
    with pytest.raises(UserError, match=r"SIZE=.*: must be width x height in inches, each from 1"):
        resized(STYLES["page"], size, None)


def test_too_many_dots_are_one_line() -> None:
    with pytest.raises(UserError, match="DPI=5000: must be an integer from 30 to 1200"):
        resized(STYLES["page"], None, 5000)
