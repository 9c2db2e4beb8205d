"""The symbols that the methods of sparse training share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.initial_mask import StartPlan
from espalier.sparse.allocation import Shape, live_counts

Init = Literal["full", "live"]


@kconfig_dataclass
class SparsePlan:
    """How many edges a network begins with, where, and how large they are."""

    density: float = symbol("SPARSE_DENSITY")  # share of live weights, (0, 1]
    allocation: Literal["uniform", "er", "erk"] = symbol("SPARSE_ALLOCATION")
    init: Init = symbol("SPARSE_INIT")
    start: StartPlan

    def counts(self, names: Sequence[str], shapes: Sequence[Shape]) -> list[int]:
        """Live edges of each layer. Raises CannotTrain if one would have none."""
        counts = live_counts(self.allocation, shapes, self.density)
        if 0 in counts:
            raise CannotTrain(
                "layer_without_edges",
                f"CONFIG_SPARSE_DENSITY={self.density:g} leaves {names[counts.index(0)]} none of "
                f"{math.prod(shapes[counts.index(0)])} weights: raise it",
            )
        return counts


@kconfig_dataclass
class EdgeTurnover:
    """When edges are replaced and how many: nothing after the share `stop` of all updates.

    Source: Evci et al. 2020, Rigging the Lottery, arXiv 1911.11134, section 3.
    """

    share: float = symbol("SPARSE_SHARE")  # of live edges at the start, (0, 1)
    every: int = symbol("SPARSE_EVERY")  # steps
    stop: float = symbol("SPARSE_STOP")  # share of all updates, (0, 1]

    def due(self, step: int, total: int) -> bool:
        """Whether an event follows update `step` (1 is the first) of `total`."""
        return step % self.every == 0 and self.rate(step, total) > 0 and step < total

    def rate(self, step: int, total: int) -> float:
        """The share of live edges to replace: half a cosine from `share` to 0 at the end."""
        done = step / self._end(total)
        return self.share / 2 * (1 + math.cos(math.pi * done)) if done < 1 else 0.0

    def quota(self, live: int, step: int, total: int) -> int:
        """Of so many live edges, how many are replaced after update `step`: rounded down."""
        return math.floor(round(live * self.rate(step, total), 6))

    def check(self, total: int) -> None:
        """Raise CannotTrain if no event would come within `total` updates."""
        if not self.due(self.every, total):
            raise CannotTrain(
                "rewiring_never_starts",
                f"the first edges would be replaced after step {self.every}, but it ends at "
                f"{self._end(total):g} of {total} steps: lower CONFIG_SPARSE_EVERY or raise "
                "CONFIG_SPARSE_STOP or CONFIG_NUM_EPOCHS",
            )

    def _end(self, total: int) -> float:
        return round(self.stop * total, 6)
