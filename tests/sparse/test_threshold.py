"""The k smallest scores: equal to a full stable sort, whatever the scores."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from espalier.sparse import threshold
from espalier.sparse.threshold import mark_smallest

FLOATS = st.floats(width=32, allow_nan=False)
FEW = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 2.0, math.inf, math.nan])


def marked(scores: Tensor, k: int, first: Tensor | None = None) -> Tensor:
    out = torch.ones(len(scores), dtype=torch.bool)  # of any content before
    mark_smallest(scores, k, out, first)
    return out


def by_sorting(scores: Tensor, k: int) -> Tensor:
    mask = torch.zeros(len(scores), dtype=torch.bool)
    mask[torch.argsort(scores, stable=True)[:k]] = True
    return mask


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([3.0, 1.0, 2.0], 0, [0, 0, 0]),
        ([3.0, 1.0, 2.0], 2, [0, 1, 1]),
        ([1.0, 1.0, 1.0, 0.0], 2, [1, 0, 0, 1]),  # ties: the first position
        ([1.0, 1.0], 2, [1, 1]),
        ([math.nan, 5.0, math.nan], 1, [0, 1, 0]),  # NaN is the largest
        ([math.nan, 5.0, math.nan], 2, [1, 1, 0]),
    ],
)
def test_table(scores: list[float], k: int, expected: list[int]) -> None:
    assert marked(torch.tensor(scores), k).int().tolist() == expected


def test_ties_go_to_those_that_come_first() -> None:
    scores = torch.tensor([0.0, 0.0, 0.0, 0.0, 9.0])
    first = torch.tensor([False, False, True, True, True])
    assert marked(scores, 3, first).int().tolist() == [1, 0, 1, 1, 0]
    scores = torch.tensor([math.nan, math.nan, 1.0, math.nan, 9.0])
    assert marked(scores, 3, first).int().tolist() == [0, 0, 1, 1, 1]


@given(st.lists(st.one_of(FLOATS, FEW), min_size=1, max_size=40), st.data())
def test_small_inputs_agree_with_a_full_sort(values: list[float], data: st.DataObject) -> None:
    scores = torch.tensor(values, dtype=torch.float32)
    k = data.draw(st.integers(0, len(values)))
    assert torch.equal(marked(scores, k), by_sorting(scores, k))
    first = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    order = sorted(range(len(values)), key=lambda i: (_key(values[i]), not first[i], i))
    expected = [i in order[:k] for i in range(len(values))]
    assert marked(scores, k, torch.tensor(first)).tolist() == expected


def _key(value: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(value) else (False, value)


@pytest.mark.parametrize("k_share", [0.0001, 0.1, 0.5, 0.7, 0.99, 1.0])
@pytest.mark.parametrize("kind", ["normal", "rounded", "zeros", "sorted", "periodic", "nan"])
def test_large_inputs_agree_with_a_full_sort(kind: str, k_share: float) -> None:
    scores = _scores(kind, threshold.DIRECT + 1001)
    k = round(k_share * len(scores))
    assert torch.equal(marked(scores, k), by_sorting(scores, k))


def _scores(kind: str, n: int) -> Tensor:
    normal = torch.randn(n, generator=torch.Generator().manual_seed(1)).abs()
    kinds = {
        "normal": normal,
        "rounded": (normal * 50).round() / 50,
        "zeros": normal * (normal > 0.7),
        "sorted": normal.sort().values,
        "periodic": torch.arange(n).remainder(4).float() + normal * 1e-3,  # misleads the sample
        "nan": normal.where(normal < 1, math.nan),
    }
    return kinds[kind]


def test_a_sample_that_misleads_is_found_out() -> None:
    """The bracket misses, and the search over all scores takes its place."""
    n = threshold.DIRECT * 2
    scores = torch.linspace(0, 0.5, n)
    scores[:: n // threshold.SAMPLE] = 1.0  # all that the sample sees
    low, high = threshold._bracket(scores.numpy(), n // 2)
    assert low == high == 1.0
    assert threshold._kth_between(scores.numpy(), n // 2, low, high) is None
    assert not any(threshold._is_kth(scores.numpy(), n // 2, end) for end in (low, high))
    assert torch.equal(marked(scores, n // 2), by_sorting(scores, n // 2))


def test_equal_scores_at_an_end_of_the_bracket_are_not_collected() -> None:
    """Pruned weights score 0, and the next few to go lie just above all of them."""
    n = threshold.DIRECT * 2
    scores = torch.rand(n, generator=torch.Generator().manual_seed(0)) + 0.1
    scores[: n // 2] = 0.0
    low, high = threshold._bracket(scores.numpy(), n // 2 + 50)
    assert low == 0.0 and high < 0.2
    kth = threshold._kth_between(scores.numpy(), n // 2 + 50, low, high)
    assert kth == float(scores.sort().values[n // 2 + 49])
    assert threshold._kth_between(scores.numpy(), n // 2, low, high) is None  # 0 itself
    assert threshold._is_kth(scores.numpy(), n // 2, 0.0)
