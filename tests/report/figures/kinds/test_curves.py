"""Learning curves, as they are drawn."""

from __future__ import annotations

from typing import Any

from figure_sources import grid, source_of
from trial_results import passed, trial

from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

RISING = (10.0, 90.0, 92.0, 93.0, 70.0, 94.0, 95.0, 96.0, 96.0, 97.0)


def drawn(results: list[Any], **wishes: Any) -> DrawnFigure:
    return KINDS["curves"].draw(source_of(results, **wishes), STYLES["page"])


def pruned() -> list[Any]:
    """A trial whose first epoch is far below, with a dip where its sparsity grows."""
    made = passed(trial(1, 1), RISING[-1])
    for n, score in enumerate(RISING, 1):
        made.result.history.append(
            {"epoch": n, "step": 10 * n, "val_acc": score, "sparsity": min(0.7, n / 10)}
        )
    return [made]


def test_the_dip_is_whole_and_the_first_epoch_outside() -> None:
    made = drawn(pruned())
    panel, below = made.figure.axes
    low, high = panel.get_ylim()
    assert 60 < low < 70.0 and 97.0 < high < 100.0
    (line,) = panel.lines
    assert [float(y) for y in line.get_ydata()[1:]] == list(RISING[1:])
    assert "First epochs that lie far below are cut off." in made.caption
    assert below.get_ylabel() == "Sparsity" and below.get_xlabel() == "Step (updates)"
    assert look_at(made.figure) == []


def test_the_curves_of_programs_that_count_epochs_alone_go_along_these() -> None:
    results = grid()
    for each in results:
        for record in each.result.history:
            del record["step"]
    made = drawn(results)
    assert made.figure.axes[0].get_xlabel() == "Epoch"
    assert made.caption.startswith("Validation accuracy by epoch.")


def test_a_line_and_a_band_a_series() -> None:
    made = drawn(grid())
    (panel,) = made.figure.axes
    assert len(panel.lines) == len(panel.collections) == 2
    assert made.caption.startswith(
        "Validation accuracy by step. Of each series the best by validation accuracy of up to 4 "
        "configurations. Lines: means, bands: from the least to the most, n = 3 seeds."
    )


def test_of_many_series_the_best_are_drawn() -> None:
    made = drawn(grid(tuple("abcd")), top=3)
    assert [text.get_text() for text in made.figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert "1 more line not drawn." in made.caption
