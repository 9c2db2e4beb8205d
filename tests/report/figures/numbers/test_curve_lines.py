"""The curves of a figure: the best of each series, or the best configurations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from figure_sources import grid, source_of
from trial_results import passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.report.figures.figure_input import FigureWishes, NothingToDrawError
from espalier.report.figures.numbers.curve_lines import curve_lines


def rates(count: int) -> list[TrialResult]:
    """Learning rates, the later the better, with a history each."""
    made = [passed(trial(n, 1, LR=f"0.{n}"), 90.0 + n) for n in range(1, count + 1)]
    for n, item in enumerate(made, 1):
        item.result.history.append({"epoch": 1, "step": 10, "val_acc": 90.0 + n})
    return made


def test_each_series_is_its_best_by_validation() -> None:
    made = curve_lines(source_of(grid()))
    assert [(line.key.values, line.rivals) for line in made.every] == [
        (("state",), 4),
        (("magnitude",), 4),
    ]
    assert {line.item.first.config["TARGET_SPARSITY"] for line in made.every} == {"0.5"}
    assert [point.step for point in made.every[0].points] == [10, 20, 30]


def test_by_test_accuracy_validation_is_drawn_and_chooses() -> None:
    made = curve_lines(source_of(grid(), by="test_acc"))
    assert made.by.name == made.chosen_by.name == "val_acc"


def test_without_series_the_best_are_drawn_and_the_others_counted() -> None:
    made = curve_lines(source_of(rates(4), top=3))
    assert made.symbols == ["LR"] and made.left == 1
    assert [line.key.values for line in made.every] == [("0.2",), ("0.3",), ("0.4",)]


def test_panels_by_the_second_symbol() -> None:
    wishes = FigureWishes(by=("PRUNING_METHOD", "TARGET_SPARSITY"))
    made = curve_lines(replace(source_of(grid()), wishes=wishes))
    assert list(made.panels) == [("0.5",), ("0.8",), ("0.9",), ("0.95",)]
    assert all(len(lines) == 2 for lines in made.panels.values())


def test_symbols_of_panels_that_none_has_together_draw_nothing() -> None:
    made = rates(4)
    for n, item in enumerate(made):
        own = {"BS"[n % 2]: str(n)}
        item.trial.config.update(own)
        item.trial.swept.update(own)
    wishes = FigureWishes(by=("LR", "B", "S"))
    source = replace(source_of(made), wishes=wishes)
    with pytest.raises(NothingToDrawError, match="no configuration to be drawn has B and S"):
        curve_lines(source)


def test_why_there_are_none() -> None:
    with pytest.raises(NothingToDrawError, match="no ranked trial has a history of val_acc"):
        curve_lines(source_of(sweep({"a": [1.0]})))
    with pytest.raises(NothingToDrawError, match="^test accuracy is measured once, at the end"):
        curve_lines(source_of(grid(), y="test_acc"))
