"""Some samples of a split, without a copy of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.samples import Split, piece_size


def choose(split: Split, places: Tensor) -> ChosenSamples:
    """Return the samples of `split` at `places` (m,), int64, in that order."""
    return ChosenSamples(split.x, split.y[places], split, places)


@dataclass(frozen=True)
class ChosenSamples(Split):
    """The samples of `inner` at `places`; `y` are their labels, `x` those of all samples."""

    inner: Split
    places: Tensor

    @property
    @override
    def device(self) -> torch.device:
        return self.inner.device

    @override
    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        places = self.places.to(orders.device)
        return self.inner.batches(places[orders], batch_size)

    @override
    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        size = piece_size(size, self.x.shape[1:])
        for some in torch.split(self.places, size):
            yield from self.inner.batches(some[None], len(some))
