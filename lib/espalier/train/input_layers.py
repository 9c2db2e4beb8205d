"""The layers of a model that read flattened images, found by running it."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from espalier.layers.masked_linear import MaskedLinear
from espalier.surgery.probe import evaluating

InputLayer: TypeAlias = nn.Linear | MaskedLinear
"""A layer with a column for each number of an image."""


def find_input_layers(model: nn.Module, x: Tensor) -> list[InputLayer] | None:
    """Return the layers that are given the flattened images `x` (n, channels, height, width).

    None if any other module reads the images, or none does: such a model has no first layer that
    is linear in all pixels.
    """
    flat, layers, others = x.flatten(1), list[InputLayer](), list[nn.Module]()

    def record(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        given = inputs[0]
        if isinstance(module, (nn.Linear, MaskedLinear)) and _is_equal(given, flat):
            layers.append(module)
        elif not isinstance(module, nn.Flatten) and (_is_equal(given, flat) or _is_equal(given, x)):
            others.append(module)

    leaves = [module for module in model.modules() if not any(True for _ in module.children())]
    handles = [module.register_forward_pre_hook(record) for module in leaves]
    with evaluating(model), torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return None if others or not layers else layers


def _is_equal(value: Any, tensor: Tensor) -> bool:
    return torch.is_tensor(value) and value.shape == tensor.shape and torch.equal(value, tensor)
