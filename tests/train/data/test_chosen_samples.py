"""Some samples of a split, as they are handed out."""

from __future__ import annotations

import torch

from espalier.core.samples import Split
from espalier.train.data.chosen_samples import choose


def test_only_the_chosen_are_handed_out() -> None:
    inner = Split(torch.arange(12.0).view(6, 1, 1, 2), torch.arange(6) + 10)
    some = choose(inner, torch.tensor([4, 0, 5]))
    assert len(some) == 3 and some.y.tolist() == [14, 10, 15] and some.device == inner.device
    ((x, y),) = some.pieces(10)
    assert x.flatten(1).tolist() == [[8, 9], [0, 1], [10, 11]] and y.tolist() == [14, 10, 15]
    assert [len(y) for _, y in some.pieces(2)] == [2, 1]
    batches = list(some.batches(torch.tensor([[2, 1, 0], [0, 1, 2]]), 3))
    assert [y.tolist() for _, y in batches] == [[15, 10, 14, 14, 10, 15]]
