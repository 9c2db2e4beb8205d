"""What growth sees of a network: edges between units, in blocks, and how units behave.

A network has *nodes* of units, and *blocks* of edges from one node to another. A network of masked
blocks is one. An ordinary model is another, in which each layer is a block of its own (see
`espalier.methods.growth.structure.layer_network`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Pair

LossOf: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Maps logits and labels to the mean loss of a batch."""

Batch: TypeAlias = tuple[Tensor, Tensor]

At: TypeAlias = tuple[Tensor, Tensor]
"""Rows and columns of edges of a block, (n,) each."""


class EdgeBlock(Protocol):
    """The edges from the units of a node to those of another, as matrices (outputs, columns).

    A column is a unit of the first node; of a convolution, a unit and a place of the kernel, the
    places of a unit side by side.
    """

    @property
    def mask(self) -> Tensor:
        """Where edges are live, bool."""
        ...

    @property
    def births(self) -> Tensor:
        """The step at which each edge was born, int32, below 0 where there is none."""
        ...

    @property
    def weight(self) -> Tensor:
        """The weights."""
        ...

    @property
    def live(self) -> int:
        """The number of live edges."""
        ...


class EdgeNetwork(Protocol):
    """A network with edges that can come and go."""

    @property
    def sizes(self) -> list[int]:
        """The units of each node."""
        ...

    @property
    def pairs(self) -> list[Pair]:
        """The blocks that there are."""
        ...

    def each(self) -> Iterator[tuple[Pair, EdgeBlock]]:
        """Iterate over all blocks with their pairs, in order."""
        ...

    def block(self, i: int, j: int) -> EdgeBlock:
        """Return the block from node i to node j. Raises ValueError if there is none."""
        ...

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Iterate over all parameters."""
        ...

    @property
    def live(self) -> int:
        """Live edges of all blocks."""
        ...

    @property
    def density(self) -> float:
        """Live edges over those that the present blocks could have, in [0, 1]."""
        ...

    def assert_masked(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Raise AssertionError if anything off a block's mask is not 0."""
        ...


@dataclass(frozen=True)
class Seen:
    """What is seen of the units of a node: the share of samples and places in which one fires.

    `magnitude` is its mean absolute value; (units,) float64 each. With `feeds` the node's units are
    read by a block: they can be hot and saturated. Without, they are fed by one: they can be dead,
    and one *fires* in a sample if the loss depends on it.
    """

    firing: Tensor
    magnitude: Tensor
    feeds: bool


@dataclass(frozen=True)
class Observation:
    """The units of a network on n samples.

    `values[i]` are of node i and `gradients[j - 1]` dloss/dz of node j, (n, size) each. Where a
    unit has many places they are a mean and a sum over them, and then `seen` says what it did in
    them, of all nodes that are neither the data nor the logits, and `edges` has the mean |dloss/dw|
    from unit to unit of each block, (outputs, inputs).
    """

    values: list[Tensor]
    gradients: list[Tensor]
    seen: Mapping[int, Seen] | None = None
    edges: Mapping[Pair, Tensor] | None = None


def matrix_shape(net: EdgeNetwork, pair: Pair) -> tuple[int, int]:
    """Return the outputs and columns of a block that there is or could be."""
    if pair in net.pairs:
        outputs, columns = net.block(*pair).mask.shape
        return outputs, columns
    return net.sizes[pair[1]], net.sizes[pair[0]]


def places_of(columns: int, units: int) -> int:
    """Return how many columns of a block each input unit has."""
    return columns // units


def by_unit(edges: Tensor, units: int) -> Tensor:
    """Return `edges` (outputs, columns) as (outputs, units, places)."""
    return edges.view(len(edges), units, -1)


def columns_of(units: Tensor, places: int) -> Tensor:
    """Return the columns (n * places,) of the input `units` (n,) of a block."""
    if places == 1:
        return units
    within = torch.arange(places, device=units.device)
    return (units.unsqueeze(1) * places + within).flatten()
