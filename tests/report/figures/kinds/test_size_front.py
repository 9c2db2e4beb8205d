"""The size front, as it is drawn."""

from __future__ import annotations

from typing import Any

import pytest
from figure_sources import source_of
from trial_results import nets, passed, trial

from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES


def drawn(results: list[Any], style: str = "page", **wishes: Any) -> DrawnFigure:
    return KINDS["size-front"].draw(source_of(results, **wishes), STYLES[style])


def spots(line: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in line.get_xydata()]


def test_every_seed_is_a_dot_and_the_front_a_staircase() -> None:
    made = drawn(nets((100, [70.0, 72.0]), (400, [80.0, 84.0]), (900, [60.0, 60.0])))
    left, right = made.figure.axes
    dots, *_, front = left.lines
    assert spots(dots)[:2] == [(100, 70.0), (100, 72.0)] and len(spots(dots)) == 6
    assert spots(front) == [(100, 71.0), (400, 82.0)]
    assert front.get_drawstyle() == "steps-post"
    assert spots(right.lines[0]) == [(100, 710.0), (400, 205.0), (900, pytest.approx(60 / 0.9))]
    assert look_at(made.figure) == []


def test_a_colour_for_each_model() -> None:
    results = [
        passed(trial(n, 1, MODEL=model), 50.0 + n, live_parameters=size)
        for n, (model, size) in enumerate((("one", 10), ("two", 3000)), 1)
    ]
    made = drawn(results)
    names = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert names == ["one", "two", "front"]
    assert made.figure.axes[0].get_xscale() == "log"


def test_less_of_a_loss_and_a_slide_have_no_second_panel() -> None:
    losses = nets((100, [2.0]), (200, [1.0]), by="val_loss")
    assert len(drawn(losses, by="val_loss").figure.axes) == 1
    assert len(drawn(nets((100, [1.0]), (200, [2.0])), "talk").figure.axes) == 1


def test_fronts_of_other_samples_have_panels() -> None:
    results = [
        passed(trial(n, 1, DATASET=data, W=str(n)), 50.0 + n, live_parameters=100 * n)
        for n, data in enumerate(("digits", "digits", "mnist", "mnist"), 1)
    ]
    made = drawn(results)
    assert [panel.get_title() for panel in made.figure.axes] == [
        "Data set: mnist",
        "Data set: digits",
    ]


def test_another_measure_across() -> None:
    rows = enumerate(((70.0, 5.0), (80.0, 9.0)), 1)
    made = drawn(
        [passed(trial(n, 1, W=str(n)), up, train_acc=x) for n, (up, x) in rows], x="train_acc"
    )
    assert made.figure.axes[0].get_xlabel() == "Training accuracy (%)"


@pytest.mark.parametrize(
    ("results", "wishes", "reason"),
    [
        (nets((100, [1.0]), (100, [2.0])), {}, "all configurations have the same live parameters"),
        (nets((100, [1.0]), (200, [2.0])), {"by": "test_acc"}, "a front chooses, and a measure of"),
        ([passed(trial(1, 1), 50.0)], {}, "no ranked trial has the measure live_parameters"),
    ],
)
def test_why_there_is_none(results: list[Any], wishes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NothingToDrawError, match=f"^{reason}"):
        drawn(results, **wishes)
