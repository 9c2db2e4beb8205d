"""How many weights of each layer live or go: hand-computed counts, and exact sums."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.sparse.allocation import (
    Segment,
    apportion,
    live_counts,
    live_total,
    round_to_sum,
    segments,
)

SHAPES = [(4, 5), (2, 3, 3, 3), (10,)]  # 20, 54 and 10 weights
LENET5 = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
LAYERS = st.lists(
    st.lists(st.integers(1, 12), min_size=2, max_size=4).map(tuple), min_size=1, max_size=6
)
NET = [(64, 64), (10, 64)]
CONV = [(8, 4, 3, 3), (10, 8)]


def counts(allocation: str, shapes: list[tuple[int, ...]], sparsity: float) -> list[int]:
    return [part.pruned for part in segments(allocation, shapes, sparsity)]  # type: ignore[arg-type]


def test_global_is_one_ranking() -> None:
    assert segments("global", SHAPES, 0.5) == [Segment(0, 84, 42)]


def test_per_layer_gives_each_its_share_and_the_rest_to_the_largest_remainder() -> None:
    # live shares 15, 40.5 and 7.5 sum to 63: the first of the equal remainders keeps the odd one
    assert segments("per_layer", SHAPES, 0.25) == [
        Segment(0, 20, 5),
        Segment(20, 74, 13),
        Segment(74, 84, 3),
    ]


def test_depth_is_the_rule_of_bitter4() -> None:
    # three layers: factors 0.7, 1.0, 1.3
    assert counts("depth", [(10, 10)] * 3, 0.5) == [35, 50, 65]
    assert counts("depth", [(10, 10)] * 3, 0.9) == [63, 90, 95]  # 1.17 is cut to 0.95
    assert counts("depth", [(10, 10)], 0.5) == [50]


def test_erk_keeps_small_layers_denser() -> None:
    # Two square layers, 10x10 and 100x100 of 10100 weights, 90 % pruned: 1010 stay.
    # unit * 20 + unit * 200 = 1010, so 91.8 of 100 and 918.2 of 10000 stay.
    assert counts("erk", [(10, 10), (100, 100)], 0.9) == [8, 9082]


def test_erk_leaves_a_layer_dense_that_would_exceed_it() -> None:
    # At 80 %, 2020 stay: unit * 220 = 2020 would keep 183.6 of 100, so the first stays whole
    assert counts("erk", [(10, 10), (100, 100)], 0.8) == [0, 8080]


@given(LAYERS, st.floats(0, 0.999))
def test_erk_and_per_layer_sum_exactly_and_fit(
    shapes: list[tuple[int, ...]], sparsity: float
) -> None:
    sizes = [math.prod(shape) for shape in shapes]
    for allocation in ("erk", "per_layer"):
        got = counts(allocation, shapes, sparsity)
        assert sum(got) == sum(sizes) - live_total(sum(sizes), 1 - sparsity)
        assert abs(sum(got) - sparsity * sum(sizes)) < 0.5 + 1e-6
        assert all(0 <= k <= n for k, n in zip(got, sizes, strict=True))


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=8))
def test_apportioned_numbers_are_within_one(shares: list[float]) -> None:
    got = round_to_sum(shares, round(sum(shares)))
    assert sum(got) == round(sum(shares))
    assert all(abs(k - share) < 1.001 for k, share in zip(got, shares, strict=True))


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
def test_apportion(total, parts, room, expected):
    assert apportion(total, parts, room) == expected


@pytest.mark.parametrize("allocation", ["uniform", "er", "erk"])
@pytest.mark.parametrize("density", [0.003, 0.02, 0.37, 0.5, 0.81, 0.999])
def test_counts_are_exact_and_fit(allocation, density):
    shapes = [*NET, *CONV, (7, 3), (1, 1)]
    sizes = [math.prod(shape) for shape in shapes]
    live = live_counts(allocation, shapes, density)
    assert sum(live) == round(density * sum(sizes))
    assert all(0 <= count <= size for count, size in zip(live, sizes, strict=True))


def test_a_half_weight_is_rounded_the_same_way_from_both_sides():
    # 0.95 * 61470 = 58396.5 and 0.05 * 61470 = 3073.5; in binary 1 - 0.95 is not 0.05
    assert live_total(61470, 0.05) == live_total(61470, 1 - 0.95) == 3074
    assert live_total(15, 0.3) == live_total(15, 1 - 0.7) == 4  # 4.5, and 1 - 0.7 is above 0.3


def random_layers(draw: random.Random) -> list[tuple[int, ...]]:
    sizes = [draw.choice([2, 2, 4]) for _ in range(draw.randint(1, 6))]
    return [tuple(draw.randint(1, 40) for _ in range(dims)) for dims in sizes]


def test_a_pruned_and_a_grown_arm_have_the_same_counts():
    """At a sparsity and a density that are written as decimals, for 3000 lists of layers."""
    draw = random.Random(0)
    for _ in range(3000):
        shapes, parts = random_layers(draw), draw.choice([10, 100, 1000, 10000])
        pruned = draw.randint(0, parts - 1)
        sparsity, density = (float(f"{k / parts:.4f}") for k in (pruned, parts - pruned))
        sizes = [math.prod(shape) for shape in shapes]
        for pruning, growing in (("per_layer", "uniform"), ("erk", "erk")):
            gone = counts(pruning, shapes, sparsity)
            live = [n - k for n, k in zip(sizes, gone, strict=True)]
            assert live == live_counts(growing, shapes, density), (shapes, sparsity)
            assert sum(gone) == sum(counts("global", shapes, sparsity))


@pytest.mark.parametrize(
    ("sparsity", "erk", "per_layer", "everywhere"),
    [
        (0.5, [0, 1141, 27540, 2054, 0], [75, 1200, 24000, 5040, 420], 30735),
        (0.7, [0, 1661, 35997, 5371, 0], [105, 1680, 33600, 7056, 588], 43029),
        (0.9, [29, 2173, 44313, 8634, 174], [135, 2160, 43200, 9072, 756], 55323),
        (0.95, [90, 2286, 46156, 9357, 507], [142, 2280, 45600, 9576, 798], 58396),
    ],
)
def test_lenet5_is_pruned_as_it_always_was(sparsity, erk, per_layer, everywhere):
    assert counts("erk", LENET5, sparsity) == erk
    assert counts("per_layer", LENET5, sparsity) == per_layer
    assert counts("global", LENET5, sparsity) == [everywhere]
