"""Where the weights to remove are: hand-computed counts, and exact sums."""

import math

from hypothesis import given
from hypothesis import strategies as st

from espalier.sparse.allocation import Segment, apportion, segments

SHAPES = [(4, 5), (2, 3, 3, 3), (10,)]  # 20, 54 and 10 weights
LAYERS = st.lists(
    st.lists(st.integers(1, 12), min_size=2, max_size=4).map(tuple), min_size=1, max_size=6
)


def counts(allocation: str, shapes: list[tuple[int, ...]], sparsity: float) -> list[int]:
    return [part.pruned for part in segments(allocation, shapes, sparsity)]  # type: ignore[arg-type]


def test_global_is_one_ranking() -> None:
    assert segments("global", SHAPES, 0.5) == [Segment(0, 84, 42)]


def test_per_layer_gives_each_its_share_and_the_rest_to_the_largest_remainder() -> None:
    # shares 5, 13.5 and 2.5 sum to 21: the first of the equal remainders gets the odd one
    assert segments("per_layer", SHAPES, 0.25) == [
        Segment(0, 20, 5),
        Segment(20, 74, 14),
        Segment(74, 84, 2),
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
        assert sum(got) == round(sparsity * sum(sizes))
        assert all(0 <= k <= n for k, n in zip(got, sizes, strict=True))


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=8))
def test_apportioned_numbers_are_within_one(shares: list[float]) -> None:
    got = apportion(shares, round(sum(shares)))
    assert sum(got) == round(sum(shares))
    assert all(abs(k - share) < 1.001 for k, share in zip(got, shares, strict=True))
