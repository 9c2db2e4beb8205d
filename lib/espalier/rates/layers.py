"""Depth of each parameter: modules in their order, counted by those that have weights."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Layers:
    """The layers of a model, from the input on; `count` of them.

    `depth` is of parameters and `places` of modules by name. A module with a weight of two or
    more dimensions is a layer; vectors, as of normalisation, belong to the layer before them.
    """

    depth: dict[Tensor, int]
    places: dict[str, int]
    count: int


def find_layers(model: nn.Module) -> Layers:
    """Return the layers of `model`; a parameter that several modules share is of the first."""
    depth: dict[Tensor, int] = {}
    places: dict[str, int] = {}
    count = 0
    for name, module in model.named_modules():
        own = [p for p in module.parameters(recurse=False) if p not in depth]
        count += any(p.ndim > 1 for p in own)
        places[name] = max(count - 1, 0)
        depth.update(dict.fromkeys(own, places[name]))
    return Layers(depth, places, max(count, 1))
