"""Accuracy against sparsity, as it is drawn."""

from __future__ import annotations

from typing import Any

import pytest
from figure_sources import grid, source_of
from trial_results import passed, sweep, trial

from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES


def drawn(results: list[Any], style: str = "page", **wishes: Any) -> DrawnFigure:
    return KINDS["accuracy-sparsity"].draw(source_of(results, **wishes), STYLES[style])


def spots(line: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in line.get_xydata()]


def test_a_line_of_means_and_a_dot_a_seed() -> None:
    made = drawn(grid(("state",), ("0.5", "0.9"), seeds=2))
    (panel,) = made.figure.axes
    dots, means = panel.lines
    assert spots(dots)[:2] == [(0.5, pytest.approx(97.05)), (0.5, pytest.approx(97.35))]
    assert spots(means)[0] == (0.5, pytest.approx(97.2)) and means.get_linestyle() == "-"
    assert panel.get_xlabel().startswith("Target sparsity")
    assert made.caption == (
        "Validation accuracy against target sparsity. Faint marks: seeds; strong marks: their "
        "means; bands: from the least to the most, n = 2 seeds."
    )


def test_series_stand_apart_and_the_legend_names_them() -> None:
    made = drawn(grid())
    (panel,) = made.figure.axes
    (legend,) = made.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["state", "magnitude"]
    first, second = panel.lines[1], panel.lines[3]
    left, right = (line.get_transform().transform((0.5, 90.0))[0] for line in (first, second))
    assert left < right and first.get_marker() != second.get_marker()


def test_a_missed_target_is_hollow() -> None:
    rows = [(n, s, reached) for n, (s, reached) in enumerate((("0.5", 0.5), ("0.9", 0.6)), 1)]
    results = [
        passed(trial(n, 1, TARGET_SPARSITY=s), 90.0, final_sparsity=reached)
        for n, s, reached in rows
    ]
    made = drawn(results)
    hollow = made.figure.axes[0].lines[-1]
    assert spots(hollow) == [(0.9, 90.0)] and hollow.get_markerfacecolor() == "white"
    assert "Hollow: the target sparsity was not reached on every seed." in made.caption


@pytest.mark.parametrize("style", STYLES)
def test_names_along_the_foot_and_panels(style: str) -> None:
    assert look_at(drawn(sweep({"a": [1.0, 3.0], "b": [2.0, 2.5]}), style).figure) == []
    made = drawn(grid(), style, x="PRUNING_METHOD")
    assert look_at(made.figure) == []
    assert "At each place the best by validation accuracy of up to 4" in made.caption


def test_what_was_chosen_by_validation_is_said() -> None:
    made = drawn(grid(), by="test_acc", x="PRUNING_METHOD")
    assert made.caption.startswith("Test accuracy against method. At each place the best by val")
