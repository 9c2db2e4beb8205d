"""Stratified splits: subsets in which every class keeps its share."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.core.samples import RawData
from espalier.datasets.sample_counts import TEST_EVERY


def stratified_order(y: Tensor, seed: int) -> Tensor:
    """Return a permutation (n,) of the samples any prefix of which holds each class in proportion.

    The first k samples hold `k / n` of every class, to within half a sample and half the number of
    classes times the class's share of all. So a split is a cut through the order, and a smaller
    subset is part of a larger one. `y` is (n,) int64.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(y), generator=generator)
    labels = y[shuffled]
    rank = torch.empty(len(y), dtype=torch.float64)
    for members in members_of_classes(labels):
        rank[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    return shuffled[rank.argsort(stable=True)]


def members_of_classes(y: Tensor) -> list[Tensor]:
    """Return for each class present in `y` (n,) the ascending indices of its samples."""
    places = [(y == label).nonzero().squeeze(1) for label in range(int(y.max()) + 1)]
    return [members for members in places if len(members)]


def every_nth_of_class(y: Tensor, n: int) -> Tensor:
    """Return the mask (len(y),) of the last of each `n` consecutive samples of a class."""
    chosen = torch.zeros(len(y), dtype=torch.bool)
    for members in members_of_classes(y):
        chosen[members[n - 1 :: n]] = True
    return chosen


def cut_test(x: Tensor, y: Tensor, classes: int) -> RawData:
    """Return images `x` (n, ...) and labels `y` (n,) with the test cut off.

    It is every fifth image of each class in the order of the file, so that it is the same on every
    machine and depends on no random generator.
    """
    test = every_nth_of_class(y, TEST_EVERY)
    return RawData(x[~test], y[~test], x[test], y[test], classes)
