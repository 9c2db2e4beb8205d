"""Main effects: what is drawn of means, and how it is marked where they are not comparable."""

from __future__ import annotations

from dataclasses import replace

import pytest
from figure_sources import HOSTILE, grid, source_of
from trial_results import passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import FigureWishes, NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES


def effects(
    results: list[TrialResult], style: str = "page", symbols: tuple[str, ...] = ()
) -> DrawnFigure:
    source = replace(source_of(results), wishes=FigureWishes(by=symbols))
    return KINDS["effects"].draw(source, STYLES[style])


def test_a_balanced_plan_has_means_with_intervals_and_no_importance() -> None:
    made = effects(sweep({"0.85": [90.0, 92.0], "0.87": [95.0, 96.0]}))
    (panel,) = made.figure.axes
    (means,) = panel.containers
    assert list(means.lines[0].get_ydata()) == [91.0, 95.5]
    assert list(means.lines[0].get_xdata()) == [0.85, 0.87]
    assert means.lines[0].get_marker() == "s" and panel.get_title() == ""
    assert "Grey dots: configurations, each a mean (n = 2 seeds)." in made.caption
    assert "Open diamonds" not in made.caption and "variance" not in made.caption


def test_geometric_numbers_are_logarithmic_and_names_are_names() -> None:
    values = [("state", "16"), ("state", "32"), ("state", "64"), ("none", "16"), ("none", "32")]
    cells = [*values, ("none", "64")]
    results = [
        passed(trial(n, 1, PRUNING_METHOD=method, MLP_WIDTH=width), 80.0 + n)
        for n, (method, width) in enumerate(cells, 1)
    ]
    methods, widths = effects(results).figure.axes
    assert [text.get_text() for text in methods.get_xticklabels()] == ["state", "none"]
    assert widths.get_xscale() == "log" and sorted(widths.get_xticks()) == [16, 32, 64]
    assert methods.get_ylim() == widths.get_ylim() and widths.get_ylabel() == ""


def test_confounded_means_are_not_drawn_and_means_of_a_part_are_open() -> None:
    confounded = [
        passed(trial(1, 1, OPTIMIZER="adamw", PRUNING_METHOD="none"), 95.0),
        passed(trial(2, 1, OPTIMIZER="adamwprune", PRUNING_METHOD="state"), 91.0),
    ]
    made = effects(confounded)
    assert [panel.containers for panel in made.figure.axes] == [[], []]
    assert made.figure.axes[0].get_title() == "no means: confounded"
    assert "Confounded, and without a mean: other settings differ too." in made.caption
    assert "Means of" not in made.caption
    part = [passed(trial(n, 1, A=a, B=b), float(n)) for n, (a, b) in enumerate(["xp", "xq", "yp"])]
    first, _ = effects(part).figure.axes
    ((line, _, _),) = [container.lines for container in first.containers]
    assert line.get_marker() == "D" and line.get_markerfacecolor() == "white"
    assert first.get_title() == "means of 2 of 3"


def test_a_random_plan_has_importance_with_its_caveat() -> None:
    results = [
        passed(trial(n, 1, LR=f"0.{n:02d}", WIDTH=str(n % 3)), 80.0 + 5 * (n % 3))
        for n in range(1, 41)
    ]
    made = effects(results)
    *_, below = made.figure.axes
    names = [text.get_text() for text in below.get_yticklabels()]
    assert names[0] == "Width" and below.patches[0].get_width() > 80
    assert "It describes the forest, not an experiment" in made.caption
    assert made.figure.axes[0].get_title().replace("\n", " ") == "no means: over 24 values"


def test_scores_far_from_the_others_are_arrowheads_at_the_edge() -> None:
    results = [
        passed(trial(n, 1, A=f"a{n}", B=f"b{n}"), 10.0 if n == 10 else 90.0 + n / 10)
        for n in range(1, 11)
    ]
    made = effects(results)
    panel = made.figure.axes[0]
    (arrows,) = [line for line in panel.lines if line.get_marker() == "v"]
    assert list(arrows.get_ydata()) == [panel.get_ylim()[0]] and panel.get_ylim()[0] > 80
    assert "arrowheads: 1 configuration beyond the axis, to 10.00%" in made.caption


def test_by_chooses_symbols() -> None:
    assert len(effects(grid(), symbols=("PRUNING_METHOD",)).figure.axes) == 1
    with pytest.raises(UserError, match="BY=LUCK: must be a symbol that the sweep varies"):
        effects(grid(), symbols=("LUCK",))


@pytest.mark.parametrize("style", STYLES)
def test_every_size_is_whole(style: str) -> None:
    for results in (grid(), grid(HOSTILE, ("0.5", "0.9"), 1)):
        assert look_at(effects(results, style).figure) == []


def test_nothing_varies() -> None:
    with pytest.raises(NothingToDrawError, match="no swept symbol varies"):
        effects(sweep({"a": [1.0, 2.0]}))
