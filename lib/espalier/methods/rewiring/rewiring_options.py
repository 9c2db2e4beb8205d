"""The symbols that all methods of sparse training share: density and first mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.initial_mask import InitialMask
from espalier.sparse.allocation import Shape, live_counts

Init = Literal["full", "live"]


@kconfig_dataclass
class SparsePlan:
    """The density of a sparse network, its allocation to layers, and its first mask and weights."""

    density: float = symbol("SPARSE_DENSITY")  # share of live weights, (0, 1]
    allocation: Literal["uniform", "er", "erk"] = symbol("SPARSE_ALLOCATION")
    init: Init = symbol("SPARSE_INIT")
    start: InitialMask

    def counts(self, names: Sequence[str], shapes: Sequence[Shape]) -> list[int]:
        """Return the live edges of each layer. Raises CannotTrain if one would have none."""
        counts = live_counts(self.allocation, shapes, self.density)
        if 0 in counts:
            raise CannotTrain(
                "layer_without_edges",
                f"CONFIG_SPARSE_DENSITY={self.density:g} leaves {names[counts.index(0)]} none of "
                f"{math.prod(shapes[counts.index(0)])} weights: raise it",
            )
        return counts
