"""What training costs in operations, counted by the weights that there are.

So that arms can be given the same budget, whatever they spend it on. Biases, activations and the
optimizer are left out: beside the products they are small.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from espalier.layers.masked_linear import MaskedLinear

FORWARD, BACKWARD, DOWN = 2, 2, 2
"""Operations of a weight for a sample: its product and sum; its gradient; that of its input."""


def of_sample(model: nn.Module, first: Iterable[nn.Module]) -> int:
    """Operations of one update for each sample, of linear layers with the weights that there are.

    The layers in `first` read the data itself, whose gradient nobody needs.
    """
    layers = [m for m in model.modules() if isinstance(m, (nn.Linear, MaskedLinear))]
    return of_weights(sum(map(_live, layers)), sum(map(_live, first)))


def of_weights(weights: int, first: int) -> int:
    """The same of so many weights, `first` of them in layers that read the data itself."""
    return weights * (FORWARD + BACKWARD + DOWN) - first * DOWN


def _live(layer: nn.Module) -> int:
    if isinstance(layer, MaskedLinear):
        return layer.live
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0
