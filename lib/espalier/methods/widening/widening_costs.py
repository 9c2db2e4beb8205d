"""The operations of a run whose layers are widened: known before it begins.

Source: `espalier.train.costs.layer_products`, which counts them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.resize import resize
from espalier.train.costs.layer_products import count_operations

Sizes = Sequence[int]
"""The neurons of each pair, in the order of the model."""


@dataclass(frozen=True)
class WideningCosts:
    """Operations of a sample by stage: `updates` after each number of events, from 0 on.

    `extra` are those of the passes at each event that are no updates, all samples together.
    """

    updates: tuple[int, ...]
    extra: tuple[int, ...]
    samples: float  # of an update, the mean over an epoch

    def total(self, step: int, events: Sequence[int]) -> int:
        """Return the operations of the first `step` updates, with events after some of them."""
        edges = [0, *(min(step, event) for event in events), step]
        spans = [b - a for a, b in zip(edges, edges[1:], strict=False)]
        trained = math.fsum(n * each for n, each in zip(spans, self.updates, strict=True))
        done = sum(event <= step for event in events)
        return round(trained * self.samples) + sum(self.extra[:done])

    def charge(self, steps_per_epoch: int) -> int:
        """Return the epochs of the full network that cost as much as all extra passes, rounded up.

        Where they are left out at the end a run costs no more than one without extra passes.
        """
        epoch = self.updates[-1] * self.samples * steps_per_epoch
        return math.ceil(sum(self.extra) / epoch)


class OperationCounter:
    """Counts the operations of a copy of a model at any sizes of its pairs."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        """Take a sample `x` (1, ...) to pass through."""
        self._model, self._x = copy.deepcopy(model), x
        self._sites = [EditContext(pair) for pair in find_pairs(self._model)]
        self._known: dict[tuple[int, ...], int] = {}

    def update(self, sizes: Sizes) -> int:
        """Return the operations of an update for each sample, forward and backward."""
        key = tuple(sizes)
        if key not in self._known:
            for site, size in zip(self._sites, sizes, strict=True):
                resize(site, size)
            self._known[key] = count_operations(self._model, self._x).both
        return self._known[key]
