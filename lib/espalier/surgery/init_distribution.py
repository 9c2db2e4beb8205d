"""The distribution that a layer's weights were drawn from, to draw newborn ones from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.surgery.pairing.pair_layers import Layer, by_output

_WIDEST_UNIFORM = 2.0  # a uniform distribution ends at 1.73 deviations, a normal one does not


@dataclass(frozen=True)
class InitDistribution:
    """Mean 0, standard deviation `std`, uniform or normal."""

    std: float
    normal: bool = False

    def draw(self, like: Tensor, rows: int, generator: torch.Generator) -> Tensor:
        """Draw `rows` slices for the first dimension of `like`, on the generator's device."""
        shape = rows, *like.shape[1:]
        new = torch.empty(shape, dtype=like.dtype, device=generator.device)
        edge = self.std * math.sqrt(3)
        if self.normal:
            new.normal_(0.0, self.std, generator=generator)
        else:
            new.uniform_(-edge, edge, generator=generator)
        return new.to(like.device)


def default_distribution(layer: Layer) -> InitDistribution:
    """Return the distribution torch draws a linear or convolution layer's weights from.

    Differs: of a layer that stores (inputs, outputs) the fan-in is that of its outputs.
    """
    return InitDistribution(1 / math.sqrt(3 * by_output(layer)[0].numel()))


def estimate_distribution(weight: Tensor) -> InitDistribution:
    """Return the distribution of a weight as it stands: call it before training changes it."""
    weight = weight.detach()
    std = float(weight.square().mean().sqrt())
    return InitDistribution(std, normal=float(weight.abs().max()) > _WIDEST_UNIFORM * std)
