"""Layers that can be the identity, and so can come or go without a change of the network.

Such a layer stands between two ReLUs, and puts out as much as it reads. With the identity for its
weight the second ReLU changes nothing, since what it gets is never negative.

Source: Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv:1511.05641, section 2.4, whose condition
is that the activation f has f(I f(v)) = f(v).
Differs: ReLU alone of the activations; layers before a normalisation are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from espalier.surgery.pairing.pair_layers import Layer, by_output, is_layer, is_swapped, why_not
from espalier.surgery.pairing.pair_paths import Uses


@dataclass(frozen=True)
class IdentityPlace:
    """A `layer` at `key` of the `chain` it stands in."""

    name: str  # dotted, as in `model.named_modules()`
    chain: nn.Module
    key: str
    layer: Layer

    @property
    def present(self) -> bool:
        """Whether the layer is part of the network now."""
        return getattr(self.chain, self.key) is self.layer

    def leave_out(self) -> None:
        """Let the network pass the layer's place unchanged."""
        setattr(self.chain, self.key, nn.Identity())

    def put_back(self) -> None:
        """Let the layer be part of the network again."""
        setattr(self.chain, self.key, self.layer)

    @torch.no_grad()
    def make_identity(self) -> None:
        """Give the layer the weights with which it puts out what it reads; exact."""
        weight = self.layer.weight
        if weight.ndim == 2:
            nn.init.eye_(weight)
        else:
            nn.init.dirac_(weight)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)


def find_identity_places(model: nn.Module) -> list[IdentityPlace]:
    """Return the layers of `model` that can be the identity, in its own order.

    They are looked for in chains of `nn.Sequential`s, which are taken at their word. Layers that
    are used twice, share weights or are frozen are none.
    """
    uses = Uses.of(model)
    return [
        place
        for name, module in model.named_modules()
        if type(module).forward is nn.Sequential.forward
        for place in _in_chain(name, module)
        if uses.modules[id(place.layer)] == 1
        and all(uses.parameters[id(p)] == 1 for p in place.layer.parameters())
    ]


def _in_chain(name: str, chain: nn.Module) -> Iterator[IdentityPlace]:
    steps = list(chain.named_children())
    for (_, before), (key, layer), (_, after) in zip(steps, steps[1:], steps[2:], strict=False):
        between = isinstance(before, nn.ReLU) and isinstance(after, nn.ReLU)
        if between and is_layer(layer) and _keeps_shape(layer) and why_not(layer) is None:
            yield IdentityPlace(f"{name}.{key}" if name else key, chain, key, layer)


def _keeps_shape(layer: Layer) -> bool:
    """Return whether a layer puts out as many numbers, in the same places, as it reads."""
    outputs, inputs = by_output(layer).shape[:2]
    if outputs != inputs or is_swapped(layer):
        return False
    if not isinstance(layer, _ConvNd):
        return True
    same = (
        (size - 1) * gap / 2 for size, gap in zip(layer.kernel_size, layer.dilation, strict=True)
    )
    odd = all(size % 2 for size in layer.kernel_size)
    plain = odd and all(step == 1 for step in layer.stride)
    return plain and (layer.padding == "same" or layer.padding == tuple(same))
