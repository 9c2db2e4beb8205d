"""Numbers of axes as text, scales that fit them, names that do not overlap."""

from __future__ import annotations

import pytest

from espalier.report.figures.axis_scales import (
    fenced_range,
    is_wide,
    name_ticks,
    number_text,
    scale_numbers,
    thin_ticks,
)
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_style import STYLES, drawing, new_panels

COLUMN = STYLES["column"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (12000, "12,000"),
        (1_500_000, "1.5M"),
        (2e9, "2G"),
        (1e-5, "1e-5"),
        (-0.005, "-0.005"),
        (3e14, "3e14"),
    ],
)
def test_a_number_as_a_tick_has_it(value: float, text: str) -> None:
    assert number_text(value) == text


def test_wide_numbers_are_logarithmic() -> None:
    assert is_wide([0.01, 1.0]) and not is_wide([0.2, 1.0])
    assert not is_wide([0.0, 100.0]) and not is_wide([-1.0, 100.0]) and not is_wide([])


def test_geometric_numbers_are_logarithmic_and_others_are_not() -> None:
    assert is_wide([64, 16, 32, 16]) and is_wide([1, 1.5, 2.25])
    assert not is_wide([16, 32]) and not is_wide([0.1, 0.2, 0.3]) and not is_wide([1, 1.1, 1.21])


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_far_worse_is_beyond_a_scale(sign: int) -> None:
    # quartiles 93 and 97, so that the fence is three times 4 below 93
    scores = [sign * score for score in (91, 92, 93, 94, 95, 96, 97, 98, 99)]
    ends = sorted([sign * 91, sign * 99])
    assert fenced_range(scores, sign > 0) == (*ends, "neither")
    low, high, beyond = fenced_range([*scores, sign * 10], sign > 0)
    assert (low, high)[sign < 0] == pytest.approx(sign * (92.25 - 3 * (96.75 - 92.25)))
    assert beyond == ("min" if sign > 0 else "max")
    assert fenced_range([1.0, 50.0, 51.0], True) == (1.0, 51.0, "neither")  # too few to say


def test_few_numbers_have_a_tick_each_and_none_overlap() -> None:
    values = [1, 0.5, 0.2, 0.1, 0.05, 0.0499, 0.02, 0.01]
    with drawing(COLUMN):
        figure, ((panel,),) = new_panels(COLUMN)
        panel.plot(values, values, "o")
        scale_numbers(panel, "x", values)
        figure.draw_without_rendering()
        assert panel.get_xscale() == "log" and len(panel.get_xticks()) == 8
        assert any("overlap" in line for line in look_at(figure))
        assert thin_ticks(figure)
        assert look_at(figure) == []
        assert 1 in panel.get_xticks() and not thin_ticks(figure)


@pytest.mark.parametrize("count", [2, 6, 15, 120])
@pytest.mark.parametrize("name", ["a", "a name of some length"])
def test_names_along_the_foot_do_not_overlap(count: int, name: str) -> None:
    with drawing(COLUMN):
        figure, ((panel,),) = new_panels(COLUMN)
        panel.plot(range(count), range(count), "o")
        name_ticks(panel, "x", [f"{name} {place}" for place in range(count)], COLUMN)
        figure.draw_without_rendering()
        assert look_at(figure) == []
    assert panel.get_xticklabels()[0].get_text() == f"{name} 0"


def test_names_beside_many_rows_do_not_overlap() -> None:
    with drawing(COLUMN):
        figure, ((panel,),) = new_panels(COLUMN)
        panel.plot([0, 1], [0, 99], "o")
        name_ticks(panel, "y", [f"row {place}" for place in range(100)], COLUMN)
        figure.draw_without_rendering()
        assert look_at(figure) == []
