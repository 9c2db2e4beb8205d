"""Axes of figures: symbols and measures, their places and words."""

from __future__ import annotations

import pytest
from figure_sources import grid, source_of

from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.numbers.figure_axis import (
    FigureAxis,
    axis_named,
    in_sentence,
    measure_named,
    round_sparsity,
)


def test_a_symbol_of_numbers_and_one_of_names() -> None:
    source = source_of(grid())
    first = source.ranking.ranked[0]
    sparsity = axis_named(source, "CONFIG_TARGET_SPARSITY", "X")
    assert (sparsity.of(first), sparsity.levels, sparsity.is_linear) == (0.5, (), True)
    method = axis_named(source, "PRUNING_METHOD", "X")
    assert method.levels == ("state", "magnitude") and method.of(first) == 0.0
    assert not method.is_linear and method.is_shared


def test_a_measure_is_a_mean_over_seeds() -> None:
    source = source_of(grid(seeds=2))
    axis = axis_named(source, "val_acc", "X")
    first = source.ranking.ranked[0]  # 98 - 20 / 16 and 0.3 or 0.6
    assert axis.of(first) == pytest.approx(97.2) and not axis.is_shared and axis.is_linear
    assert axis.of_trial(first.counted[0]) == pytest.approx(97.05)


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.7004, 0.7), (0.69999, 0.7), (0.99502, 0.995), (0.0, 0.0)]
)
def test_a_sparsity_has_two_digits_of_what_is_left(value: float, rounded: float) -> None:
    assert round_sparsity(value) == rounded


def test_a_name_that_no_trial_has() -> None:
    source = source_of(grid())
    with pytest.raises(UserError, match=r"^X=TARGET_SPARSITI: .*did you mean TARGET_SPARSITY\?"):
        axis_named(source, "TARGET_SPARSITI", "X")
    with pytest.raises(UserError, match="^Y=luck: no ranked trial has it; .*trials have val_acc"):
        measure_named(source, "luck", "Y")
    with pytest.raises(UserError, match="^X=SEED: seeds are averaged over; .* is PRUNING_METHOD"):
        axis_named(source, "SEED", "X")


def test_words_of_a_sentence() -> None:
    names = AxisNames({"val_acc": "Accuracy", "LONG": "w" * 10_000})
    assert in_sentence("val_acc", VAL_ACC, names) == "accuracy"
    assert in_sentence("TARGET_SPARSITY", None, AxisNames()) == "target sparsity"
    assert in_sentence("X", None, AxisNames({"X": "AdamW steps"})) == "AdamW steps"
    assert len(in_sentence("LONG", None, names)) == 60
    assert FigureAxis("val_acc", VAL_ACC).label(AxisNames()) == "Validation accuracy (%)"


def test_the_sparsity_of_a_trained_network() -> None:
    axis = axis_named(source_of(grid()), "final_sparsity", "X")
    assert axis.is_shared and axis.is_linear
    assert axis.label(AxisNames()) == "Sparsity (share of weights)"
    assert axis.words(AxisNames()) == "sparsity"
    assert axis.label(AxisNames({"final_sparsity": "Zeros"})) == "Zeros"
