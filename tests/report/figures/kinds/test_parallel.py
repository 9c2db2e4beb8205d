"""Parallel coordinates: which axes there are, where lines go, which is on top."""

from __future__ import annotations

import pytest
from figure_sources import HOSTILE, grid, source_of
from matplotlib.collections import LineCollection
from trial_results import passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES


def parallel(results: list[TrialResult], style: str = "page", **wishes: str) -> DrawnFigure:
    return KINDS["parallel"].draw(source_of(results, **wishes), STYLES[style])


def test_the_best_is_drawn_last_and_a_value_that_is_absent_has_a_place() -> None:
    results = [
        passed(trial(1, 1, METHOD="none"), 90.0),
        passed(trial(2, 1, METHOD="turn", RATE="0.1"), 95.0),
        passed(trial(3, 1, METHOD="turn", RATE="0.3"), 92.0),
    ]
    made = parallel(results)
    panel, _ = made.figure.axes
    every, best = [item for item in panel.collections if isinstance(item, LineCollection)]
    paths = [[tuple(point) for point in path.vertices] for path in every.get_paths()]
    # method, rate, accuracy: none is worst and drawn first
    assert paths[0] == [(0, 0), (1, pytest.approx(-0.14)), (2, 0)]
    assert paths[-1] == [(0, 1), (1, 0), (2, 1)] and len(best.get_paths()) == 1
    assert "n/a" in [text.get_text() for text in panel.texts]
    assert "Lines at n/a have no such value." in made.caption
    assert "A line a configuration (3)" in made.caption and "(n = 1 seed)" in made.caption


def test_colours_follow_the_measure_that_ranks() -> None:
    _, bar = parallel(grid()).figure.axes
    assert bar.get_ylabel() == "Validation accuracy (%)"
    _, bar = parallel(grid(), by="final_sparsity").figure.axes
    assert bar.get_ylabel() == "Final sparsity"


@pytest.mark.parametrize("style", STYLES)
def test_every_size_is_whole(style: str) -> None:
    many = [
        passed(trial(n, 1, **{f"S{k}": str((n * (k + 3)) % 7) for k in range(9)}), 50.0 + n % 40)
        for n in range(1, 61)
    ]
    for results in (grid(("state", "none"), ("0.5",)), many, grid(HOSTILE, ("0.5", "0.9"), 1)):
        assert look_at(parallel(results, style).figure) == []


def test_more_axes_than_there_is_room_for_are_counted() -> None:
    results = [
        passed(trial(n, 1, **{f"S{k}": str(n) for k in range(20)}), 50.0 + n) for n in range(3)
    ]
    assert "5 symbols left out (BY=)." in parallel(results).caption


def test_nothing_varies() -> None:
    with pytest.raises(NothingToDrawError, match="no swept symbol varies"):
        parallel(sweep({"a": [1.0, 2.0]}))
