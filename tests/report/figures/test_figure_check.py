"""The look at a figure sees each fault, and nothing in a figure without any."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_style import STYLES, drawing, new_panels

Draw = Callable[[Figure, Axes], object]


def faults(draw: Draw) -> list[str]:
    """Return what is wrong with a good panel after `draw`, laid out."""
    with drawing(STYLES["column"]):
        figure, ((panel,),) = new_panels(STYLES["column"])
        panel.plot([0, 1, 2], [0, 1, 2], "o-", label="a series")
        panel.set(xlabel="step", ylabel="accuracy", title="a title")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        draw(figure, panel)
        return look_at(figure)


def test_a_good_figure_has_no_fault() -> None:
    assert faults(lambda figure, panel: None) == []


def test_a_legend_beside_is_good() -> None:
    with drawing(STYLES["column"]):
        figure, ((panel,),) = new_panels(STYLES["column"])
        panel.plot([0, 1], [0, 1], label="a series")
        figure.legend(loc="outside right upper")
        figure.draw_without_rendering()
        assert look_at(figure) == []


TICKS = [0.9, 0.95, 1.0]
FAULTS: list[tuple[Draw, str]] = [
    (lambda figure, panel: figure.text(0.97, 0.5, "beyond"), "text leaves the figure: 'beyond'"),
    (lambda figure, panel: panel.set_ylabel("y " * 60), "text leaves the figure: 'y y"),
    (lambda figure, panel: panel.set_xticks(TICKS, ["a long name"] * 3), "labels of ticks overlap"),
    (
        lambda figure, panel: (panel.text(1, 1, "first"), panel.text(1.02, 1, "second")),
        "text lies over text: 'first' and 'second'",
    ),
    (lambda figure, panel: figure.text(0.5, 0.5, "caption"), "text lies over a panel: 'caption'"),
    (lambda figure, panel: panel.legend(), "the legend lies over a panel"),
    (lambda figure, panel: figure.legend(loc="upper right"), "the legend lies over a panel"),
    (
        lambda figure, panel: figure.legend(["n" * 90], loc="outside right upper"),
        "the legend leaves the figure",
    ),
    (lambda figure, panel: panel.set_xlim(0, 2), "cut by the frame of its panel: 'a title'"),
    (lambda figure, panel: panel.set_ylim(0.5, 3), "a marker, line or bar is cut by the frame"),
    (
        lambda figure, panel: (panel.set_ylim(-0.2, 2.2), panel.errorbar([1], [1], [1.5])),
        "a marker, line or bar is cut by the frame",
    ),
    (
        lambda figure, panel: (panel.set_xlim(-0.2, 2.2), panel.scatter([2.2], [1], s=100)),
        "a marker, line or bar is cut by the frame",
    ),
    (
        lambda figure, panel: (panel.set_ylim(-0.2, 2.2), panel.bar([1], [5])),
        "a marker, line or bar is cut by the frame",
    ),
    (
        lambda figure, panel: (
            panel.set_ylim(-0.2, 2.2),
            panel.fill_between([0, 1], [0, 0], [3, 3]),
        ),
        "a marker, line or bar is cut by the frame",
    ),
    (
        lambda figure, panel: panel.plot([1], [0], "o", clip_on=False, markersize=300),
        "cut by the edge of the figure",
    ),
]


@pytest.mark.parametrize(("draw", "fault"), FAULTS)
def test_each_fault_is_seen(draw: Draw, fault: str) -> None:
    lines = faults(draw)
    assert any(fault in line for line in lines), lines


def test_turned_labels_are_seen_as_they_lie() -> None:
    def turn(figure: Figure, panel: Axes, angle: float) -> None:
        panel.set_xticks([0.5, 0.62, 0.74], ["aaaaaa"] * 3, rotation=angle, va="top")

    upright = faults(lambda figure, panel: turn(figure, panel, 0))
    assert [line for line in upright if "labels of ticks overlap" in line]
    sloped = faults(lambda figure, panel: turn(figure, panel, 60))
    assert not [line for line in sloped if "labels of ticks overlap" in line]


def test_what_is_not_shown_is_no_fault() -> None:
    def hide(figure: Figure, panel: Axes) -> None:
        figure.text(0.97, 0.5, "beyond").set_visible(False)
        panel.plot([50], [50], "o").pop().set_visible(False)
        panel.set(xlim=(-0.2, 2.2), ylim=(-0.2, 2.2))

    assert faults(hide) == []
