"""Nonlinearities of dendrites and somas, with gradients computed from their outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

Activation: TypeAlias = Literal["leaky_relu", "linear", "relu", "elu", "tanh"]
SLOPE = 0.1  # of a leaky ReLU below zero
_aten: Any = torch.ops.aten


class Nonlinearity(NamedTuple):
    """A function; and the gradient of its input, from that of its output and the output."""

    of: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]


NONLINEARITIES: dict[Activation, Nonlinearity] = {
    "leaky_relu": Nonlinearity(
        lambda z: F.leaky_relu(z, SLOPE),
        lambda grad, h: _aten.leaky_relu_backward.default(grad, h, SLOPE, True),
    ),
    "linear": Nonlinearity(lambda z: z, lambda grad, h: grad),
    "relu": Nonlinearity(F.relu, lambda grad, h: _aten.threshold_backward.default(grad, h, 0)),
    "elu": Nonlinearity(F.elu, lambda grad, h: _aten.elu_backward.default(grad, 1, 1, 1, True, h)),
    "tanh": Nonlinearity(torch.tanh, _aten.tanh_backward.default),
}
SOMA = NONLINEARITIES["leaky_relu"]
