"""The heat map, as it is drawn."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from figure_sources import grid, source_of
from trial_results import passed, sweep, trial

from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES


def drawn(results: list[Any], style: str = "page", **wishes: Any) -> DrawnFigure:
    return KINDS["heat-map"].draw(source_of(results, **wishes), STYLES[style])


def texts(made: DrawnFigure) -> dict[tuple[float, float], str]:
    return {text.get_position(): text.get_text() for text in made.figure.axes[0].texts}


def three(count: int = 12) -> list[Any]:
    """Three symbols; the first `count` of their twelve combinations."""
    values = itertools.islice(itertools.product("12", "345", "67"), count)
    return [
        passed(trial(n, 1, A=a, B=b, C=c), 10.0 * int(a) + int(b) + int(c) / 10)
        for n, (a, b, c) in enumerate(values, 1)
    ]


def test_a_number_a_cell_and_numbers_in_order() -> None:
    made = drawn(three(), x="B", y="A")
    assert texts(made) == {
        (column, row): f"{10 * (row + 1) + column + 3.65:.2f}"
        for column in range(3)
        for row in range(2)
    }
    assert "2 configurations a cell" in made.caption and "Means are over c." in made.caption


def test_a_cell_over_other_settings_has_a_star() -> None:
    made = drawn(three(11), x="B", y="A")
    assert texts(made)[2, 1] == "25.60*" and texts(made)[1, 1] == "24.65"
    assert len(made.figure.axes[0].patches) == 1
    assert "Hatched, with a star: a mean over other settings" in made.caption


def test_sparsities_are_columns_and_methods_rows() -> None:
    made = drawn(grid())
    panel = made.figure.axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["0.5", "0.8", "0.9", "0.95"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["state", "magnitude"]
    # seeds 0.3 apart: 4.3027 times 0.3 over the root of 3
    assert "Half widths of 95 % t-intervals over seeds: 0.75 points." in made.caption


@pytest.mark.parametrize("style", STYLES)
def test_many_cells_have_no_numbers_and_cover_nothing(style: str) -> None:
    values = itertools.product(range(16), range(9))
    results = [passed(trial(n, 1, A=str(a), B=str(b)), a + b) for n, (a, b) in enumerate(values, 1)]
    made = drawn(results, style)
    assert look_at(made.figure) == []
    assert ("Too many cells for numbers." in made.caption) == (not texts(made))
    assert bool(texts(made)) == (style != "column")


@pytest.mark.parametrize(
    ("results", "wishes", "reason"),
    [
        (sweep({"a": [1.0], "b": [2.0]}), {}, "no two symbols vary together"),
        (three(), {"x": "val_acc"}, "X=val_acc: must be a symbol that the sweep varies"),
        (three(), {"x": "SEED"}, "X=SEED: seeds are averaged over; what else the sweep varies is "),
    ],
)
def test_why_there_is_none(results: list[Any], wishes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NothingToDrawError, match=f"^{reason}"):
        drawn(results, **wishes)
