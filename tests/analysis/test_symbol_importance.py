from __future__ import annotations

from itertools import product

import pytest

from espalier.analysis.symbol_importance import AxisColumn, forest_importance

CELLS = list(product((1, 2, 3, 4), ("a", "b", "c"), (0, 1), range(4)))


def axes() -> list[AxisColumn]:
    columns = list(zip(*CELLS, strict=True))
    return [
        AxisColumn("number", columns[0], ordered=True),
        AxisColumn("text", columns[1], ordered=False),
        AxisColumn("other", columns[2], ordered=True),
    ]


def shares(scores: list[float]) -> dict[str, float]:
    result = forest_importance(axes(), scores)
    assert result is not None
    return {each.name: each.share for each in result.axes}


def test_what_is_done_by_one_axis_is_its_share() -> None:
    by_number = shares([float(number) for number, *_ in CELLS])
    assert by_number["number"] > 0.97 and by_number["text"] < 0.02
    by_text = shares([{"a": 0.0, "b": 5.0, "c": 1.0}[text] for _, text, *_ in CELLS])
    assert by_text["text"] > 0.97


def test_effects_that_add_up_are_divided_by_their_variances() -> None:
    # variances over values: number 5/4, other 4 * 1/4
    result = shares([number + 2.0 * other for number, _, other, _ in CELLS])
    assert result["number"] == pytest.approx(1.25 / 2.25, abs=0.08)
    assert result["other"] == pytest.approx(1.0 / 2.25, abs=0.08)


def test_an_effect_of_two_together_is_in_no_share() -> None:
    result = shares([float((number > 2) == other) for number, _, other, _ in CELLS])
    assert sum(result.values()) < 0.3


def test_noise_is_not_explained() -> None:
    noise = [float((n * 7919) % 101) for n in range(len(CELLS))]
    result = forest_importance(axes(), noise)
    assert result is not None and result.explained < 0.1
    learned = forest_importance(axes(), [float(number) for number, *_ in CELLS])
    assert learned is not None and learned.explained > 0.9 and learned.rows == 96


def test_an_axis_that_is_off_has_a_value_of_its_own_and_many_numbers_are_binned() -> None:
    values = [None if n % 4 == 0 else float(n) for n in range(200)]
    result = forest_importance(
        [AxisColumn("rate", values, True)], [float(value is None) for value in values]
    )
    assert result is not None and result.axes[0].share > 0.99 and result.explained > 0.99


def test_nothing_to_learn_from() -> None:
    assert forest_importance(axes(), [1.0] * len(CELLS)) is None
    assert forest_importance([], [1.0, 2.0] * 20) is None
    assert (
        forest_importance([AxisColumn("a", [1] * 10, True)], [float(n) for n in range(10)]) is None
    )
