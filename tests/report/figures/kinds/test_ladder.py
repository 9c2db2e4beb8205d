"""Ladders: what is drawn, what is said, where they fit."""

from __future__ import annotations

import pytest
from figure_sources import source_of
from trial_results import passed, sweep, trial

from espalier.analysis.dose_response import ladders
from espalier.analysis.logistic_fit import Logistic
from espalier.analysis.rank import TrialResult
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

VALUES = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]
PLANTED = Logistic(low=12.0, high=97.0, d50=0.06, slope=2.5)


def climbing(values: list[float] = VALUES) -> list[TrialResult]:
    return sweep({str(v): [PLANTED.at(v) + noise for noise in (-1.0, 0.0, 1.0)] for v in values})


def several(widths: int) -> list[TrialResult]:
    """A ladder with one seed for each width."""
    made: list[TrialResult] = []
    for width in range(1, widths + 1):
        for value in VALUES:
            item = trial(len(made) + 1, 1, SPARSE_DENSITY=str(value), MLP_WIDTH=str(width))
            made.append(passed(item, PLANTED.at(value)))
    return made


def drawn(results: list[TrialResult], style: str = "page", **wishes: str) -> DrawnFigure:
    return KINDS["ladder"].draw(source_of(results, **wishes), STYLES[style])


def test_seeds_means_curve_and_d50() -> None:
    made = drawn(climbing())
    (panel,) = made.figure.axes
    curve, seeds, means, half = panel.lines
    assert len(curve.get_xdata()) == 200 and len(seeds.get_xdata()) == 24
    assert list(means.get_ydata()) == pytest.approx([PLANTED.at(v) for v in sorted(VALUES)])
    (fitted,) = ladders(source_of(climbing()).ranking)
    assert list(half.get_xdata()) == [fitted.curve.d50] * 2
    assert panel.get_xscale() == "log" and panel.get_ylabel() == "Validation accuracy (%)"
    assert panel.get_xlabel() == "Decay of the first moment (beta1)"
    (legend,) = made.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["seed", "mean over seeds", "fitted curve", "d50", "its 95% interval"]


def test_the_caption_has_n_and_d50_with_its_interval() -> None:
    caption = drawn(climbing()).caption
    assert caption.startswith("Validation accuracy against decay of the first moment. Small dots: ")
    assert "n = 3 seeds" in caption and "d50: 0.0" in caption and "(95% interval 0.0" in caption


def test_a_d50_that_is_not_located_is_not_drawn() -> None:
    made = drawn(climbing([1, 0.5, 0.2, 0.1]))  # all above the cliff
    assert len(made.figure.axes[0].lines) == 3
    assert "d50: not located" in made.caption


@pytest.mark.parametrize(
    ("style", "widths"), [*((style, 2) for style in STYLES), ("column", 1), ("page", 12)]
)
def test_ladders_of_other_settings_are_panels_of_one_scale(style: str, widths: int) -> None:
    made = drawn(several(widths), style, x="SPARSE_DENSITY")
    panels = [panel for panel in made.figure.axes if panel.axison]
    assert len(panels) == min(9, widths) and look_at(made.figure) == []
    assert len({panel.get_ylim() for panel in panels}) == 1
    title = panels[0].get_title().replace("\n", " ")
    assert title == ("Width of a hidden layer: 1" if widths > 1 else "")
    assert ("3 more ladders not drawn." in made.caption) == (widths == 12)


def test_no_ladder_is_said_with_what_would_give_one() -> None:
    with pytest.raises(NothingToDrawError, match="takes 4 or more different values above 0"):
        drawn(sweep({"1": [1.0], "2": [2.0], "3": [3.0]}))
    with pytest.raises(NothingToDrawError, match="CONFIG_live_parameters: a ladder takes"):
        drawn(climbing(), x="live_parameters")
