"""The published dendritic networks and their controls: L layers of dendrites and somas.

Source: Chavlis and Poirazi 2025, "Dendrites endow artificial neural networks with accurate, robust
and parameter-efficient learning", Nature Communications 16:943; Poirazi-Lab/dendritic_anns.
Differs: masked weights are stored, as there, but are no part of the counts; see `published_masks`
for how fields are drawn. Random synapses of images with colours are drawn place by place, each with
all channels, as those of fields are; there each channel is drawn by itself, a third as many. All
layers have as many neurons and dendrites.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.dendrites import published_masks
from espalier.layers.dendrites.nonlinear import SLOPE
from espalier.layers.dendrites.published_masks import Grid, Inputs, Somas
from espalier.layers.masked_linear import MaskedLinear

Kind: TypeAlias = Literal[
    "dann_r",
    "dann_grf",
    "dann_lrf",
    "pdann",
    "sann",
    "sann_grf",
    "sann_lrf",
    "psann",
    "vann",
    "vann_r",
    "vann_grf",
    "vann_lrf",
]
MASKS: dict[Kind, tuple[Inputs, Somas]] = {
    "dann_r": ("random", "own"),
    "dann_grf": ("global", "own"),
    "dann_lrf": ("local", "own"),
    "pdann": ("all", "own"),
    "sann": ("random", "random"),
    "sann_grf": ("global", "random"),
    "sann_lrf": ("local", "random"),
    "psann": ("all", "random"),
    "vann": ("all", "all"),
    "vann_r": ("random", "all"),
    "vann_grf": ("global", "all"),
    "vann_lrf": ("local", "all"),
}


@kconfig_dataclass
class DendriticAnn(Model):
    """L layers of N neurons with D dendrites of S synapses, each for all channels of a pixel."""

    kind: Kind
    layers: int
    neurons: int
    dendrites: int
    synapses: int | None

    def build(self, shape: SampleShape) -> nn.Module:
        """Build the network. Raises CannotTrain for fields of more places than there are."""
        net = nn.Sequential(nn.Flatten())  # (n, c, h, w) -> (n, inputs)
        for grid, channels in self._grids(shape):
            for mask in self._draw(grid, channels):
                net.extend([make_layer(mask), nn.LeakyReLU(SLOPE)])
        head = torch.ones(shape.classes, self.neurons, dtype=torch.bool, device="cpu")
        net.append(make_layer(head))
        return net

    @override
    def parameters(self, shape: SampleShape) -> int:
        sizes = [self._count(grid, channels) for grid, channels in self._grids(shape)]
        return sum(sizes) + self.neurons * shape.classes + shape.classes

    @property
    def _units(self) -> int:
        return self.neurons * self.dendrites

    def _grids(self, shape: SampleShape) -> Iterator[tuple[Grid, int]]:
        """Yield what each layer sees: a grid of places, and the values of a place."""
        yield (shape.height, shape.width), shape.channels
        for _ in range(1, self.layers):
            yield published_masks.arrange_grid(self.neurons), 1

    def _draw(self, grid: Grid, channels: int) -> tuple[Tensor, Tensor]:
        """Draw the masks of a layer's dendrites and somas. Inputs are channels, then places."""
        self._check(math.prod(grid))
        inputs, somas = MASKS[self.kind]
        sizes = (self.neurons, self.dendrites)
        seen = published_masks.draw_inputs(inputs, grid, *sizes, self.synapses or 0)
        return seen.repeat(1, channels), published_masks.draw_somas(somas, *sizes)

    def _count(self, grid: Grid, channels: int) -> int:
        places = math.prod(grid)
        self._check(places)
        inputs, somas = MASKS[self.kind]
        seen = places if inputs == "all" else self.synapses or 0
        behind = self.neurons if somas == "all" else 1
        return self._units * (seen * channels + 1 + behind) + self.neurons

    def _check(self, places: int) -> None:
        inputs, synapses = MASKS[self.kind][0], self.synapses or 0
        if inputs != "all" and synapses > places:
            raise _too_many("SYNAPSES", synapses, places)
        if inputs == "global" and self.dendrites > places:
            raise _too_many("DENDRITES", self.dendrites, places)


def make_layer(mask: Tensor) -> MaskedLinear:
    """Make the layer (n, inputs) -> (n, outputs) of a mask (outputs, inputs) bool, weights drawn.

    Biases are 0, weights uniform in +/- sqrt(6 / (inputs + outputs)), masked ones counted too.
    Source: the defaults of Keras, which the published networks have; Glorot and Bengio 2010.
    """
    layer = MaskedLinear(mask)
    nn.init.xavier_uniform_(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(mask)
    return layer


def _too_many(field: str, number: int, places: int) -> CannotTrain:
    rule = f"must be at most the {places} places of the grid that a layer sees"
    return CannotTrain("fan_in", f"CONFIG_DENDRITIC_ANN_{field}={number}: {rule}")
