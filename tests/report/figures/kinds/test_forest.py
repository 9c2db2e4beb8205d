"""Forest plots: which rows are drawn beside what, and what stands beside each."""

from __future__ import annotations

import pytest
from control_arms import PLAIN, arms
from figure_sources import HOSTILE, grid, source_of, with_header
from trial_results import passed, sweep, trial

from espalier.core.errors import UserError
from espalier.core.records import RaceRecord
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

CONTROLS = {"PRUNING_METHOD": ["state"]}


def forest(source: FigureInput, style: str = "page") -> DrawnFigure:
    return KINDS["forest"].draw(source, STYLES[style])


def texts(made: DrawnFigure) -> list[str]:
    """Return the texts of rows, by turns those to the left and to the right."""
    return [text.get_text() for text in made.figure.axes[0].texts]


def middles(made: DrawnFigure) -> list[float]:
    return [container.lines[0].get_xdata()[0] for container in made.figure.axes[0].containers]


def test_all_beside_the_best_the_best_first() -> None:
    made = forest(source_of(arms(), "val_loss"))
    # none: 0.25 and 0.75 more than the best, 0.2: 0.55 and 0.7; t of one degree is 12.7062
    assert middles(made) == pytest.approx([0.5, 0.625])
    assert texts(made)[2:] == [
        "none, \N{EN DASH}",
        "+0.5000 \N{PLUS-MINUS SIGN} 3.1766  n = 2  not distinguishable",
        "turn, 0.2",
        "+0.6250 \N{PLUS-MINUS SIGN} 0.9530  n = 2  not distinguishable",
    ]
    assert "each row minus the best configuration, config_003, in pairs of equal" in made.caption
    assert "Bars: 95 % t-intervals. *, filled squares: behind" in made.caption
    assert "(less is better)" in made.caption and "(n = 2)" in made.caption


def test_controls_come_before_the_best_and_a_baseline_before_both() -> None:
    source = with_header(source_of(arms(), "val_loss"), controls=PLAIN)
    made = forest(source)
    assert middles(made) == [-0.1875] and "minus its control (METHOD: none)" not in made.caption
    assert "its control (Method: none), in the mean over configurations" in made.caption
    given = with_header(source_of(arms(), "val_loss", baseline="config_005"), controls=PLAIN)
    assert middles(forest(given)) == pytest.approx([-0.625, -0.125])
    assert "minus the baseline config_005" in forest(given).caption
    best = with_header(source_of(arms(), "val_loss", baseline="best"), controls=PLAIN)
    assert middles(forest(best)) == pytest.approx([0.5, 0.625])


def test_what_holm_leaves_is_a_filled_square_and_unequal_budgets_are_marked() -> None:
    results = [
        passed(trial(n, n % 4, METHOD=method), score + n % 4, live_parameters=size)
        for n, (method, score, size) in enumerate(
            [("none", 90.0, 10)] * 4 + [("a", 70.0 + 0.1, 5)] * 4, 1
        )
    ]
    results[4].result.measures["val_acc"] = 70.4
    made = forest(with_header(source_of(results), controls=PLAIN))
    (bar,) = made.figure.axes[0].containers
    assert bar.lines[0].get_marker() == "s"
    assert texts(made)[-1].endswith("n = 4\N{DAGGER}  worse *")
    assert "\N{DAGGER}: unequal live parameters." in made.caption


def test_the_same_difference_on_each_seed_has_no_interval_and_zero_no_minus() -> None:
    same = {"a": [90.1, 90.7, 91.4], "b": [85.7, 86.3, 87.0], "c": [90.099, 90.699, 91.399]}
    made = forest(source_of(sweep(same)))
    assert "t-intervals" not in made.caption
    shown = [text for text in texts(made)[3::2] if text.startswith(("+", "-"))]
    assert shown == [
        "+0.00  n = 3  no verdict",
        "-4.40  n = 3  no verdict",
    ]


def test_a_race_has_its_margin_as_a_band_and_verdicts_are_remarks() -> None:
    race = RaceRecord(alpha=0.05, margin=0.5, max_seeds=8, by="val_acc", seeds=["1", "2"])
    source = with_header(source_of(sweep({"a": [90.0, 91.0], "b": [80.0, 81.5]})), race=race)
    made = forest(source)
    (band,) = made.figure.axes[0].patches
    assert (band.get_x(), band.get_width()) == (-0.5, 1.0)
    assert "Grey band: up to 0.50 points, which counts as no difference." in made.caption
    assert "a remark alone, since a race gave out the seeds" in made.caption


def test_of_many_rows_those_that_fit_or_the_first_top() -> None:
    results = sweep({str(n / 100): [80.0 + n / 10, 80.5 + n / 9] for n in range(1, 61)})
    assert len(middles(forest(source_of(results, top=5)))) == 5
    made = forest(source_of(results), "column")
    count = len(middles(made))
    assert 10 < count < 59 and f"The last {59 - count} rows left out (TOP=)." in made.caption


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [2, 60])
def test_rows_are_whole_at_every_size(count: int, style: str) -> None:
    results = sweep({str(n / 100): [80.0 + n / 10, 80.5 + n / 9] for n in range(count)})
    made = forest(source_of(results), style)
    assert look_at(made.figure) == []
    low, high = sorted(made.figure.axes[0].get_ylim())
    places = [bar.lines[0].get_ydata()[0] for bar in made.figure.axes[0].containers]
    assert low < min(places) - 0.5 and max(places) + 0.5 < high


@pytest.mark.parametrize("style", STYLES)
def test_values_that_mean_ill_stay_text(style: str) -> None:
    made = forest(with_header(source_of(grid(HOSTILE, ("0.5",))), controls={}), style)
    assert look_at(made.figure) == []


def test_no_row_is_said() -> None:
    with pytest.raises(NothingToDrawError, match="no other configuration has a seed in common"):
        forest(source_of(sweep({"a": [1.0, 2.0]})))
    apart = [passed(trial(n, 1, METHOD=str(n), LR=str(n)), 1.0) for n in (1, 2)]
    rule = "no other configuration agrees with the baseline METHOD=1 in all else; BASELINE may"
    with pytest.raises(NothingToDrawError, match=rule):
        forest(source_of(apart, baseline="METHOD=1"))
    with pytest.raises(UserError, match="BASELINE=LUCK=1: no trial has CONFIG_LUCK"):
        forest(source_of(sweep({"a": [1.0]}), baseline="LUCK=1"))
