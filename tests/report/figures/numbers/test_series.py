"""Series and panels by the values of symbols."""

from __future__ import annotations

from dataclasses import replace

import pytest
from figure_sources import grid, source_of
from trial_results import passed, trial

from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_input import FigureWishes, NothingToDrawError
from espalier.report.figures.numbers.series import (
    SeriesOrder,
    fits,
    panel_symbols,
    panel_values,
    series_symbols,
    series_title,
    telling_symbols,
    telling_values,
)


def test_series_are_in_plan_order_and_keep_their_place() -> None:
    source = source_of(grid(("b", "a")))
    order = SeriesOrder.of(source.every, ["PRUNING_METHOD"])
    groups = order.split(source.ranking.ranked)
    assert [(key.values, key.place) for key in groups] == [(("b",), 0), (("a",), 1)]
    only = order.split(
        item for item in source.ranking.ranked if fits(item, {"PRUNING_METHOD": "a"})
    )
    assert [key.place for key in only] == [1]


def test_the_usual_series_are_methods_and_by_comes_first() -> None:
    source = source_of(grid())
    assert series_symbols(source) == ("PRUNING_METHOD",)
    assert series_symbols(source, ["PRUNING_METHOD"]) == ()
    wishes = FigureWishes(by=("TARGET_SPARSITY", "PRUNING_METHOD"))
    both = replace(source, wishes=wishes)
    assert series_symbols(both) == ("TARGET_SPARSITY",)
    assert panel_symbols(both, ["TARGET_SPARSITY"]) == ("PRUNING_METHOD",)


def test_other_samples_have_a_panel_of_their_own() -> None:
    results = [passed(trial(n, 1, DATASET=name), 90.0) for n, name in ((1, "digits"), (2, "mnist"))]
    source = source_of(results)
    assert panel_symbols(source, []) == ("DATASET",)
    assert panel_values(source.every, ["DATASET"]) == [{"DATASET": "digits"}, {"DATASET": "mnist"}]


def test_who_lacks_a_symbol_is_in_every_panel_of_it() -> None:
    results = [passed(trial(1, 1, A="x"), 90.0), passed(trial(2, 1, B="y"), 91.0)]
    source = source_of(results)
    assert [fits(item, {"A": "z"}) for item in source.every] == [False, True]
    assert panel_values(source.every, ["A"]) == [{"A": "x"}]
    with pytest.raises(NothingToDrawError, match=r"to be drawn has A and B; BY= names others$"):
        panel_values(source.every, ["A", "B"])
    assert panel_values([], ["A", "B"]) == []
    groups = SeriesOrder.of(source.every, ["A"]).split(source.every)
    assert [key.name(AxisNames()) for key in groups] == ["x", "none"]


def test_the_title_of_a_legend() -> None:
    assert series_title(["TARGET_SPARSITY", "X_Y"], AxisNames()) == "Target sparsity,\nX y"


def test_symbols_tell_values_apart_where_they_are_not_all_the_same() -> None:
    values = [{"A": "1", "B": "x"}, {"A": "2", "B": "x", "C": "y"}]
    assert telling_symbols(values) == ["A", "C"] and telling_symbols(values[:1]) == []
    assert telling_values(values[1], values) == {"A": "2", "C": "y"}
    assert telling_values(values[0], values[:1]) == {}
