"""The synapses of layers as masks over all their possible ones: each unit with each input."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from typing_extensions import override

from espalier.layers.dendrites.synapses import Synapses
from espalier.sparse.events.mask_history import MaskHistory


class SynapseMasks(MaskHistory):
    """The masks of `layers`, by name, each (units, inputs), read from their indices."""

    def __init__(self, layers: Mapping[str, Synapses]) -> None:
        super().__init__()
        self.names = [f"{name}.weight".removeprefix(".") for name in layers]
        self.layers = list(layers.values())
        self.size = sum(layer.units * layer.inputs for layer in self.layers)

    @override
    def live_masks(self) -> list[Tensor]:
        blank = [torch.zeros_like(values, dtype=torch.bool) for values in self.values()]
        pairs = zip(blank, self.layers, strict=True)
        return [mask.scatter_(1, layer.index, value=True) for mask, layer in pairs]

    @override
    def values(self) -> list[Tensor]:
        return [_spread(layer) for layer in self.layers]

    @property
    @override
    def is_dense(self) -> bool:
        return all(layer.fan_in == layer.inputs for layer in self.layers)


def _spread(layer: Synapses) -> Tensor:
    """Return the weights at their inputs, (units, inputs), 0 elsewhere."""
    weight = layer.weight.detach()
    return weight.new_zeros(layer.units, layer.inputs).scatter_(1, layer.index, weight)
