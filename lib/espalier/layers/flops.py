"""The operations that training takes, counted by live weights.

They let arms be given the same budget, whatever they spend it on. Biases, activations and the
optimizer are left out: beside the products they are small.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from espalier.layers.masked_linear import MaskedLinear

FORWARD, BACKWARD, DOWN = 2, 2, 2
"""Operations of a weight for a sample: its product and sum; its gradient; that of its input."""


def count_per_sample(model: nn.Module, first: Iterable[nn.Module]) -> int:
    """Return the operations of one update for each sample, in linear layers with live weights.

    The layers in `first` read the data itself, which needs no gradient.
    """
    layers = [m for m in model.modules() if isinstance(m, (nn.Linear, MaskedLinear))]
    return count_of_weights(sum(map(_live, layers)), sum(map(_live, first)))


def count_of_weights(weights: int, first: int) -> int:
    """Return the same for `weights`, `first` of them in layers that read the data itself."""
    return weights * (FORWARD + BACKWARD + DOWN) - first * DOWN


def _live(layer: nn.Module) -> int:
    if isinstance(layer, MaskedLinear):
        return layer.live
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0
