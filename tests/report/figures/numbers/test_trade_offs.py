"""An axis against a measure: the best of each series at each place, never by the test data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from figure_sources import grid, source_of
from trial_results import passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.report.figures.figure_input import FigureWishes, NothingToDrawError
from espalier.report.figures.numbers.trade_offs import TradeOffs, trade_offs, trade_request


def made(results: list[TrialResult], **wishes: Any) -> TradeOffs:
    source = source_of(results, **wishes)
    return trade_offs(source, trade_request(source))


def rates() -> list[TrialResult]:
    """Two learning rates at two sparsities: validation prefers the first, the test the second."""
    rows = [("0.5", "0.1", 95.0, 80.0), ("0.5", "0.2", 94.0, 99.0), ("0.9", "0.1", 90.0, 70.0)]
    return [
        passed(trial(n, 1, PRUNING_METHOD="m", TARGET_SPARSITY=s, LR=lr), val, test)
        for n, (s, lr, val, test) in enumerate(rows, 1)
    ]


def dense(number: int, score: float = 96.0) -> TrialResult:
    item = trial(number, 1, PRUNING_METHOD="none")
    del item.config["TARGET_SPARSITY"]  # type: ignore[attr-defined]
    return passed(item, score, final_sparsity=0.0)


def test_the_best_by_validation_is_chosen_and_the_test_shown() -> None:
    for drawn in (made(rates(), by="test_acc"), made(rates(), y="test_acc")):
        ((points,),) = [list(panel.series.values()) for panel in drawn.panels.values()]
        assert [(point.place, point.score.mean) for point in points] == [(0.5, 80.0), (0.9, 70.0)]
        assert [point.rivals for point in points] == [2, 1]
        assert drawn.chosen_by is not None and drawn.chosen_by.name == "val_acc" and drawn.joined


def test_without_validation_nothing_is_chosen() -> None:
    results = rates()
    for item in results:
        item.result.measures.pop("val_acc")  # type: ignore[attr-defined]
    drawn = made(results, by="test_acc")
    assert drawn.chosen_by is None and not drawn.joined
    assert len(drawn.every) == 3


def test_a_dense_control_is_a_level() -> None:
    drawn = made([*rates(), dense(4), dense(5, 97.0)])
    (panel,) = drawn.panels.values()
    assert [key.values for key in panel.levels] == [("none",)]
    assert drawn.request.x.name == "TARGET_SPARSITY"


def test_sparse_networks_without_a_target_are_on_the_axis_of_sparsities() -> None:
    lone = trial(5, 1, PRUNING_METHOD="rigl")
    del lone.config["TARGET_SPARSITY"]  # type: ignore[attr-defined]
    drawn = made([*grid(seeds=1), passed(lone, 91.0, final_sparsity=0.9004, live_parameters=99)])
    assert drawn.request.x.name == "final_sparsity" and drawn.joined
    (panel,) = drawn.panels.values()
    assert [p.place for key, s in panel.series.items() for p in s if key.values == ("rigl",)] == [
        0.9
    ]


def test_the_second_symbol_of_by_has_panels() -> None:
    other = passed(trial(9, 1, PRUNING_METHOD="k", TARGET_SPARSITY="0.9", LR="0.1"), 91.0)
    wishes = FigureWishes(by=("PRUNING_METHOD", "LR"))
    source = replace(source_of([*rates(), other]), wishes=wishes)
    drawn = trade_offs(source, trade_request(source))
    assert list(drawn.panels) == [("0.1",), ("0.2",)]


def test_measured_places_have_all_configurations() -> None:
    drawn = made(grid(), x="live_parameters")
    assert drawn.chosen_by is None and len(drawn.every) == 8


def test_a_sweep_of_one_configuration_has_none() -> None:
    with pytest.raises(NothingToDrawError, match="the sweep varies nothing"):
        made(sweep({"a": [1.0, 2.0]}))


def test_what_alone_varies_is_the_axis() -> None:
    drawn = made(sweep({"a": [1.0], "b": [2.0]}))
    assert drawn.request.x.levels == ("a", "b") and drawn.request.within == ()
