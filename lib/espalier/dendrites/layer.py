"""Neurons with dendrites: each dendrite sees a few inputs, each soma its own dendrites."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.dendrites import wiring
from espalier.dendrites.synapses import Synapses

Activation = Literal["leaky_relu", "linear", "relu", "elu", "tanh"]
SLOPE = 0.1
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "leaky_relu": lambda x: F.leaky_relu(x, SLOPE),
    "linear": lambda x: x,
    "relu": F.relu,
    "elu": F.elu,
    "tanh": torch.tanh,
}


class DendriticLayer(nn.Module):
    """(n, inputs) -> (n, outputs); outputs are neurons, or dendrites where there is no soma."""

    def __init__(
        self, inputs: int, neurons: int, dendrites: int, fan_in: int, soma: bool = True
    ) -> None:
        """`dendrites` of each neuron; without a soma, of the whole layer. Raises ValueError."""
        super().__init__()
        units = neurons * dendrites if soma else dendrites
        self.synapses = Synapses(inputs, wiring.random(units, inputs, fan_in, None))
        self.weight = self.bias = None
        if soma:
            std = math.sqrt(2 / units)
            self.weight = nn.Parameter(torch.randn(neurons, dendrites) * std)
            self.bias = nn.Parameter(torch.zeros(neurons))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, neurons) or (n, dendrites)."""
        h = F.leaky_relu(self.synapses(x), SLOPE)
        if self.weight is None:
            return h
        u = (h.unflatten(1, self.weight.shape) * self.weight).sum(2) + self.bias
        return F.leaky_relu(u, SLOPE)
