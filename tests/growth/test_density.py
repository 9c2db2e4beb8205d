"""Live counts by hand: they sum exactly, and no layer gets more than it has."""

import math

import pytest

from espalier.growth.density import live_counts, spread

NET = [(64, 64), (10, 64)]
CONV = [(8, 4, 3, 3), (10, 8)]


@pytest.mark.parametrize(
    ("allocation", "shapes", "density", "expected"),
    [
        ("uniform", NET, 0.1, [410, 64]),  # 409.6 and 64 of 4736: 474
        ("er", NET, 0.1, [300, 174]),  # 474 as 128 to 74: 300.36 and 173.64
        ("erk", NET, 0.1, [300, 174]),  # the same for linear layers
        ("er", CONV, 0.25, [79, 13]),  # 92 as 12 * 9 to 18: 78.9 and 13.1
        ("erk", CONV, 0.25, [46, 46]),  # 92 as 18 to 18
        ("erk", CONV, 0.9, [251, 80]),  # 331 as 18 to 18, which the second has no room for
        ("uniform", NET, 1.0, [4096, 640]),
        ("erk", CONV, 1.0, [288, 80]),
    ],
)
def test_live_counts(allocation, shapes, density, expected):
    assert live_counts(allocation, shapes, density) == expected


@pytest.mark.parametrize(
    ("total", "parts", "room", "expected"),
    [
        (10, [1, 1], [9, 9], [5, 5]),
        (10, [3, 1], [5, 9], [5, 5]),  # 7.5 do not fit into 5
        (9, [8, 1, 1], [2, 9, 9], [2, 4, 3]),  # 7 are left for two: the first has the odd one
        (6, [0, 0], [4, 8], [2, 4]),  # nothing to go by but room
        (6, [1, 0, 0], [2, 3, 5], [2, 2, 2]),  # 4 are left, 1.5 and 2.5 by room
        (0, [1, 2], [3, 0], [0, 0]),
        (7, [1, 1], [3, 4], [3, 4]),
    ],
)
def test_spread(total, parts, room, expected):
    assert spread(total, parts, room) == expected


@pytest.mark.parametrize("allocation", ["uniform", "er", "erk"])
@pytest.mark.parametrize("density", [0.003, 0.02, 0.37, 0.5, 0.81, 0.999])
def test_counts_are_exact_and_fit(allocation, density):
    shapes = [*NET, *CONV, (7, 3), (1, 1)]
    sizes = [math.prod(shape) for shape in shapes]
    counts = live_counts(allocation, shapes, density)
    assert sum(counts) == round(density * sum(sizes))
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
