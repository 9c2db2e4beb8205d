from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.plan.samplers.orthogonal_array import ARRAYS, Array, Column, balanced, choose

BY_NAME = {array.name: array for array in ARRAYS}
SIZES = {
    "L4": (4, [2] * 3),
    "L8": (8, [2] * 7),
    "L9": (9, [3] * 4),
    "L12": (12, [2] * 11),
    "L16": (16, [2] * 15),
    "L18": (18, [2] + [3] * 7),
    "L27": (27, [3] * 13),
}
arrays = pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.name)


def merged(array: Array) -> list[Column]:
    return [column for column in array.columns if len(column) > 1]


@arrays
def test_any_two_columns_hold_every_combination_equally_often(array: Array) -> None:
    count, levels = SIZES[array.name]
    assert len(array.rows) == count
    assert [max(column) + 1 for column in zip(*array.rows, strict=True)] == levels
    assert balanced(array.rows, 1)
    assert balanced(array.rows, 2)


@arrays
def test_a_merged_column_is_balanced_with_all_that_are_left(array: Array) -> None:
    for column in merged(array):
        left = [c for c in array.columns if not set(c) & set(column)]
        columns = [array.levels(c) for c in [column, *left]]
        for other in columns[1:]:
            assert balanced(list(zip(columns[0], other, strict=True)), 2)


def test_merged_columns_have_the_levels_that_messages_promise() -> None:
    sizes = {array.name: [array.size(column) for column in merged(array)] for array in ARRAYS}
    assert sizes == {
        "L4": [],
        "L8": [4],
        "L9": [],
        "L12": [],
        "L16": [8, 4, 4, 4, 4, 4],
        "L18": [6],
        "L27": [9],
    }


@arrays
def test_every_column_is_offered_once(array: Array) -> None:
    single = [column for column in array.columns if len(column) == 1]
    assert sorted(single) == [(n,) for n in range(1, len(array.rows[0]) + 1)]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("L4", "000 011 101 110"),
        ("L8", "0000000 0001111 0110011 0111100 1010101 1011010 1100110 1101001"),
        ("L9", "0000 0111 0222 1012 1120 1201 2021 2102 2210"),
    ],
)
def test_linear_arrays_are_the_printed_tables(name: str, printed: str) -> None:
    assert [tuple(map(int, row)) for row in printed.split()] == list(BY_NAME[name].rows)


def test_what_is_not_orthogonal_is_seen() -> None:
    assert not balanced([(0, 0), (0, 1), (1, 0)], 2)  # one combination missing
    assert not balanced([(0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (0, 1)], 2)  # unequal counts
    assert balanced([(0, 0), (0, 1), (1, 0), (1, 1)], 2)


@pytest.mark.parametrize(
    ("levels", "array", "rows", "strength"),
    [
        ([2], "L4", 2, 1),  # each combination once, however many rows the array has
        ([2, 2], "L4", 4, 2),
        ([2, 2, 2], "L4", 4, 2),
        ([2] * 4, "L8", 8, 3),  # columns 1, 2, 4 and 7: no interaction of two on a main effect
        ([2] * 7, "L8", 8, 2),
        ([4, 2, 2], "L8", 8, 2),
        ([3, 3], "L9", 9, 2),
        ([3] * 4, "L9", 9, 2),
        ([2] * 8, "L12", 12, 2),
        ([2] * 12, "L16", 16, 2),
        ([4] * 5, "L16", 16, 2),
        ([2, 4, 4], "L16", 16, 2),
        ([8, 2, 2], "L16", 16, 2),
        ([3, 2, 3], "L18", 18, 3),
        ([3] * 5, "L18", 18, 2),
        ([6, 3, 3], "L18", 18, 2),
        ([3] * 8, "L27", 27, 2),
        ([3, 9], "L27", 27, 2),
    ],
)
def test_the_smallest_that_fits(levels: list[int], array: str, rows: int, strength: int) -> None:
    design = choose(levels)
    assert design is not None
    assert (design.array, len(design.rows), design.strength) == (array, rows, strength)


@pytest.mark.parametrize("levels", [[5], [7, 2], [2, 2, 3], [3] * 14, [2] * 16, [4] * 6, []])
def test_nothing_fits(levels: list[int]) -> None:
    assert choose(levels) is None


@given(st.lists(st.sampled_from([2, 2, 2, 3, 3, 3, 4, 6, 8, 9]), min_size=1, max_size=9))
def test_a_design_keeps_every_level_and_is_balanced(levels: list[int]) -> None:
    design = choose(levels)
    if design is None:
        return
    columns = list(zip(*design.rows, strict=True))
    assert [sorted(set(column)) for column in columns] == [list(range(n)) for n in levels]
    assert len(set(design.rows)) == len(design.rows)
    assert balanced(design.rows, min(2, len(levels)))
    numbers = [number for column in design.columns for number in column]
    assert len(set(numbers)) == len(numbers)
