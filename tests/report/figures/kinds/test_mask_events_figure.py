"""The figure of mask events: which runs, which values, and that nothing is cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mask_tables import BEFORE_TRAINING, EVENTS, sweep_with_masks

from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import (
    FigureInput,
    FigureWishes,
    NothingToDrawError,
    figure_input,
)
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

KIND = KINDS["mask-events"]
EACH = ["config_001", "config_003"]


def source(folder: Path, **wishes: int) -> FigureInput:
    return figure_input(folder, None, FigureWishes(**wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("events", [EVENTS, BEFORE_TRAINING], ids=["many", "one"])
def test_nothing_is_cut_or_covered(tmp_path: Path, style: str, events: list[object]) -> None:
    folder = sweep_with_masks(tmp_path, EACH, events)  # type: ignore[arg-type]
    made = KIND.draw(source(folder), STYLES[style])
    assert look_at(made.figure) == []


def test_lines_are_the_events(tmp_path: Path) -> None:
    made = KIND.draw(source(sweep_with_masks(tmp_path, EACH)), STYLES["page"])
    churn, largest, density, explored = made.figure.axes[:4]
    assert [len(panel.lines) for panel in (churn, largest, density, explored)] == [2] * 4
    assert churn.lines[0].get_xydata().tolist() == [[10, 0.25], [20, 0.125]]
    assert largest.lines[0].get_ydata().tolist() == [0.6, 1.0]
    assert density.lines[0].get_xydata().tolist() == [[0, 0.5], [10, 0.5], [20, 0.5]]
    assert explored.lines[0].get_ydata().tolist() == [0, 0.5, 0.75]
    assert "one run of each of 2 configurations, 6 events" in made.caption


def test_top_limits_the_runs(tmp_path: Path) -> None:
    made = KIND.draw(source(sweep_with_masks(tmp_path, EACH), top=1), STYLES["page"])
    assert made.caption.endswith("1 more configuration not drawn (TOP=).")


def test_long_runs_have_few_markers(tmp_path: Path) -> None:
    events = [replace(e, event=n // 3, step=n // 3) for n, e in enumerate(EVENTS * 100)]
    made = KIND.draw(source(sweep_with_masks(tmp_path, EACH, events)), STYLES["column"])
    assert look_at(made.figure) == []


def test_a_sweep_without_a_log_has_no_such_figure(tmp_path: Path) -> None:
    for folder in (sweep_with_masks(tmp_path, [], logs="n"), sweep_with_masks(tmp_path / "b", [])):
        with pytest.raises(NothingToDrawError, match="with CONFIG_MASK_LOG=y"):
            KIND.draw(source(folder), STYLES["page"])
