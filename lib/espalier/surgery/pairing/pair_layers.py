"""The layers that pairs are made of, and their weights seen as (outputs, inputs, ...).

A transposed convolution keeps its weight as (inputs, outputs, ...), and so does the `Conv1D` of
Hugging Face's GPT-2, (inputs, outputs). Code that works on a pair sees none of that.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import is_lazy

from espalier.sparse.matrix_layers import is_transposed_linear, keeps_forward

Layer = nn.Linear | _ConvNd  # or one that `is_transposed_linear`
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)


def is_layer(step: object) -> TypeGuard[Layer]:
    """Return whether a step of a network is a linear layer or a convolution, plain or not."""
    if isinstance(step, nn.Linear | _ConvNd):
        return True
    return isinstance(step, nn.Module) and is_transposed_linear(step)


def why_not(layer: nn.Module) -> str | None:
    """Return why neurons cannot be exchanged in a layer, None if they can.

    They can where the layer does what its kind does with one weight, one bias and nothing more.
    """
    held = {name for name, p in layer._parameters.items() if p is not None}
    if "weight" not in layer._parameters:
        return "its weight is computed from other tensors"
    if any(is_lazy(p) for p in layer.parameters()):
        return "it has no weights before its first pass"
    further = sorted(held - {"weight", "bias"}) + sorted(layer._buffers) + sorted(layer._modules)
    if further:
        return f"a {type(layer).__name__} has more than a weight and a bias: {further[0]}"
    if not _computes_plainly(layer):
        return f"the forward of {type(layer).__name__} is its own"
    if isinstance(layer, _ConvNd) and layer.groups != 1:
        return f"its channels are in {layer.groups} groups"
    if not all(p.requires_grad for p in layer.parameters()):
        return "it is frozen"
    return None


def _computes_plainly(layer: nn.Module) -> bool:
    """Return whether a layer computes what its class says; one known by a name alone is tried."""
    if not keeps_forward(layer):
        return False
    if not is_transposed_linear(layer):
        return True
    linear: Any = layer
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, linear.weight.shape[0], generator=generator).to(linear.weight)
    with torch.no_grad():
        expected, made = torch.addmm(linear.bias, x, linear.weight), linear(x)
    return bool(torch.allclose(made, expected, rtol=1e-2, atol=1e-3))


def is_swapped(layer: Layer) -> bool:
    """Return whether the weight is stored as (inputs, outputs, ...)."""
    return not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)


def by_output(layer: Layer) -> Tensor:
    """Return the weight as (outputs, inputs, ...), without gradients; writing to it writes it."""
    weight = layer.weight.detach()
    return weight.transpose(0, 1) if is_swapped(layer) else weight


def spatial_dims(layer: Layer) -> int:
    """Return the dimensions of a convolution's map: 0 for a linear layer."""
    return layer.weight.ndim - 2


def by_position(x: Tensor, planes: bool) -> Tensor:
    """Reshape (n, channels, h, w) or (n, ..., features) to (n, positions, features).

    `planes`: it is a map, which a convolution reads or puts out.
    """
    if planes:
        return x.flatten(2).transpose(1, 2)
    return x.reshape(len(x), -1, x.shape[-1])


def apply(layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return what the layer makes of `x` with another `weight` (outputs, inputs, ...).

    Without the layer's hooks, which are for what the network itself does.
    """
    made: Tensor
    if spatial_dims(layer) == 0:
        return F.linear(x, weight, bias)
    if isinstance(layer, _ConvTransposeNd):
        convolve: Any = _TRANSPOSED[spatial_dims(layer) - 1]
        sizes = (layer.stride, layer.padding, layer.output_padding, 1, layer.dilation)
        made = convolve(x, weight.transpose(0, 1), bias, *sizes)
        return made
    assert isinstance(layer, _ConvNd)
    made = layer._conv_forward(x, weight, bias)  # all kinds of padding
    return made


@torch.no_grad()
def tap_shares(layer: Layer, x: Tensor) -> Tensor:
    """Return (taps,) how often each tap of the kernel meets the map `x` (n, channels, ...).

    The rest of the time it lies on zero padding; of a linear layer the only tap always meets.
    """
    dims = spatial_dims(layer)
    if dims == 0:
        return x.new_ones(1)
    kernel = layer.weight.shape[2:]
    if isinstance(layer, _ConvNd) and layer.padding_mode != "zeros":
        return x.new_ones(kernel.numel())
    single = torch.eye(kernel.numel(), dtype=x.dtype, device=x.device).view(-1, 1, *kernel)
    inside = x.new_ones(1, 1, *x.shape[-dims:])
    return apply(layer, inside, single, None).mean((0, *range(2, 2 + dims)))


def rename_sizes(layer: Layer) -> None:
    """Let a layer say what the sizes of its weight now are."""
    outputs, inputs = by_output(layer).shape[:2]
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = outputs, inputs
    elif isinstance(layer, _ConvNd):
        layer.out_channels, layer.in_channels = outputs, inputs
    else:
        layer.nf = outputs
        if "nx" in vars(layer):
            vars(layer)["nx"] = inputs
