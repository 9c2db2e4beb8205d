"""How many edges a sparse network begins with, where they are, and how large their weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.allocation import Shape, live_counts
from espalier.sparse.edges import Edges
from espalier.sparse.orientation import Orientation
from espalier.sparse.selection import select_per_unit

Init = Literal["full", "live"]


class Oriented(Protocol):
    """Weights, and how each of them lies."""

    @property
    def weights(self) -> Sequence[Tensor]:
        """The weights."""
        ...

    @property
    def orientations(self) -> Sequence[Orientation]:
        """How each lies."""
        ...


@kconfig_dataclass
class EdgePlan:
    """The density of a sparse network, its allocation to layers, and its first weights."""

    density: float = symbol("SPARSE_DENSITY")  # share of live weights, (0, 1]
    allocation: Literal["uniform", "er", "erk"] = symbol("SPARSE_ALLOCATION")
    init: Init = symbol("SPARSE_INIT")

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


def draw_uniform(weights: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Return numbers in [0, 1) in the weights' shapes. `generator` lives on the CPU."""
    return [torch.rand(w.shape, generator=generator).to(w.device) for w in weights]


def draw_edges(edges: Edges, counts: Sequence[int], generator: torch.Generator) -> list[Tensor]:
    """Return `counts` random edges of each layer, one for each unit if there are enough: bool."""
    keys = edges.by_unit(draw_uniform(edges.weights, generator))
    return edges.as_stored([select_per_unit(*pair) for pair in zip(keys, counts, strict=True)])


@torch.no_grad()
def scale_to_live_fan_in(edges: Oriented, live: Sequence[Tensor]) -> None:
    """Scale each unit's weights to keep the variance of its sum although some edges are missing."""
    for weight, mask, orientation in zip(edges.weights, live, edges.orientations, strict=True):
        by_unit = orientation.by_unit(mask)
        rows = by_unit.flatten(1)
        gain = (rows.shape[1] / rows.sum(1).clamp_min(1)).sqrt().to(weight)
        gains = gain.view(-1, *[1] * (weight.ndim - 1)).expand(by_unit.shape)
        weight.mul_(orientation.as_stored(gains))
