"""Laws by which synapses go, each with the law that newborn weights are drawn from.

Source: saurluca/dendritic-computation at 24fc87b, its probabilistic modes.
Differs: the weights that training begins with stay those of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from typing_extensions import override


class PruningLaw(Protocol):
    """Sizes of weights, and how likely each is to go."""

    def going(self, size: Tensor) -> Tensor:
        """Return the probability that a weight of absolute value `size` is pruned."""
        ...

    def fresh(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Draw newborn weights, on the generator's device."""
        ...


@dataclass(frozen=True)
class Laplace(PruningLaw):
    """The weights' prior has density exp(-|w| / scale) / (2 scale).

    Half of the share of the prior's weights that are larger goes: 1/2 of those at 0, and of
    weights that follow the prior 1/4.
    """

    scale: float

    @override
    def going(self, size: Tensor) -> Tensor:
        return 0.5 * torch.exp(-size / self.scale)

    def fresh(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Invert the distribution function at uniform random numbers."""
        centred = torch.rand(shape, generator=generator) - 0.5
        return -self.scale * centred.sign() * torch.log1p(-2 * centred.abs().clamp_max(0.4999999))


@dataclass(frozen=True)
class Sigmoid(PruningLaw):
    """Nearly all weights far below a threshold go, and hardly any far above it."""

    highest: float = 0.95
    threshold: float = 0.4
    steepness: float = 0.1

    @override
    def going(self, size: Tensor) -> Tensor:
        return self.highest * torch.sigmoid((self.threshold - size) / self.steepness)

    def fresh(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Draw weights close to the threshold, of either sign."""
        normal = torch.randn(shape, generator=generator)
        sign = torch.where(torch.rand(shape, generator=generator) < 0.5, -1.0, 1.0)
        return sign * (self.threshold + self.steepness / 5 * normal).abs()
