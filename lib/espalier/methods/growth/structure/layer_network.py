"""An ordinary model as a network with edges: each linear or convolution weight is a block.

How layers follow each other is not known, so that nothing leads past a layer and no unit can be
added. Layer k leads from node 2k, its inputs, to node 2k + 1, its outputs. An edge is a weight: of
a convolution one of a kernel. Its units are channels. Of a grouped convolution an input unit is the
channel at the same place of every group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.structure.edge_network import At
from espalier.sparse.edges import Edges
from espalier.sparse.orientation import ROWS, Orientation
from espalier.surgery.pairing.pair_layers import is_layer


class WeightLayout(NamedTuple):
    """How a weight of `shape` is a matrix of `outputs` rows, with `places` columns an input."""

    shape: torch.Size
    orientation: Orientation = ROWS

    @property
    def places(self) -> int:
        """The weights of a kernel; 1 of a linear layer."""
        return self.shape[2:].numel()

    @property
    def outputs(self) -> int:
        """Units that the layer feeds."""
        transposed, groups = self.orientation
        return self.shape[1] * groups if transposed else self.shape[0]

    @property
    def inputs(self) -> int:
        """Units that each of them can read."""
        transposed, groups = self.orientation
        return self.shape[0] // groups if transposed else self.shape[1]

    def matrix(self, tensor: Tensor) -> Tensor:
        """Return a tensor of the weight's shape as (outputs, inputs * places), a copy or a view."""
        return self.orientation.by_unit(tensor).reshape(self.outputs, -1)

    def stored_index(self, at: At) -> tuple[Tensor, ...]:
        """Return the index, one for each dimension of the weight, of rows and columns."""
        first, (second, places) = at[0], (at[1] // self.places, at[1] % self.places)
        if self.orientation.transposed:  # (inputs, outputs / groups, ...)
            group, within = first // self.shape[1], first % self.shape[1]
            first, second = group * self.inputs + second, within
        kernel = torch.unravel_index(places, self.shape[2:]) if len(self.shape) > 2 else ()
        return first, second, *kernel


class LayerBlock:
    """The edges of layer number `layer`, as matrices."""

    def __init__(self, edges: Edges, layer: int, module: nn.Module) -> None:
        self.edges, self.layer, self.module = edges, layer, module
        self.layout = WeightLayout(self.parameter.shape, edges.orientations[layer])

    @property
    def name(self) -> str:
        """The layer's name in the model; where a layer has several weights, the weight's."""
        return self.edges.names[self.layer].removesuffix("weight").removesuffix(".")

    @property
    def module_name(self) -> str:
        """The name of the module that has the weight."""
        return self.edges.names[self.layer].rpartition(".")[0]

    @property
    def is_called(self) -> bool:
        """Whether the layer is a module of its own, whose calls can be seen."""
        return is_layer(self.module) and self.edges.names[self.layer].rpartition(".")[2] == "weight"

    @property
    def is_map(self) -> bool:
        """Whether the layer reads maps of channels: it is a convolution."""
        return isinstance(self.module, _ConvNd)

    @property
    def parameter(self) -> Tensor:
        """The weight in its own shape."""
        return self.edges.weights[self.layer]

    @property
    def weight(self) -> Tensor:
        """The weights, without their graph."""
        return self.layout.matrix(self.parameter.detach())

    @property
    def births(self) -> Tensor:
        """The birth steps of edges."""
        return self.layout.matrix(self.edges.births[self.layer])

    @property
    def mask(self) -> Tensor:
        """Where edges are live, bool."""
        return self.births >= 0

    @property
    def live(self) -> int:
        """Live edges."""
        return self.edges.counts[self.layer]

    def add(self, at: At, step: int, weights: Tensor | float = 0.0) -> None:
        """Let missing edges be born after update `step`."""
        self.edges.add(self.layer, self.layout.stored_index(at), step, weights)

    def drop(self, at: At, step: int) -> None:
        """Drop live edges."""
        self.edges.drop(self.layer, self.layout.stored_index(at), step)


class LayerNetwork:
    """The layers of `model` whose weights `edges` has."""

    def __init__(self, model: nn.Module, edges: Edges) -> None:
        self.model, self.edges = model, edges
        owners = (model.get_submodule(name.rpartition(".")[0]) for name in edges.names)
        self._blocks = [LayerBlock(edges, k, owner) for k, owner in enumerate(owners)]
        layouts = [block.layout for block in self._blocks]
        self.sizes = [size for layout in layouts for size in (layout.inputs, layout.outputs)]
        self.pairs = [(2 * k, 2 * k + 1) for k in range(len(layouts))]

    def block(self, i: int, j: int) -> LayerBlock:
        """Return the block from node i to node j. Raises ValueError if there is none."""
        if i % 2 or j != i + 1 or not 0 <= i < len(self.sizes):
            raise ValueError(f"no layer leads from node {i} to node {j}: layer k joins 2k to 2k+1")
        return self._blocks[i // 2]

    def each(self) -> Iterator[tuple[Pair, LayerBlock]]:
        """Iterate over all layers with their pairs, in the model's order."""
        return zip(self.pairs, self._blocks, strict=True)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Iterate over all parameters of the model."""
        return self.model.parameters()

    @property
    def live(self) -> int:
        """Live edges of all layers."""
        return sum(self.edges.counts)

    @property
    def density(self) -> float:
        """Live edges over all weights of the layers, in [0, 1]."""
        return self.live / self.edges.masks.size

    def assert_masked(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Raise AssertionError if a missing edge or its state is not 0, or a count is wrong."""
        self.edges.assert_consistent()
