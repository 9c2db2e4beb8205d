"""The synapses that a resampling event drops in each unit, and the weights of new ones.

Source: saurluca/dendritic-computation at 24fc87b; Mocanu et al. 2018, "Scalable training of
artificial neural networks with adaptive sparse connectivity inspired by network science" (SET),
which drops a share by magnitude too, of a whole layer.
Differs: every synapse that goes is replaced, by an input that the unit did not have before.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.dendrites.pruning_laws import Laplace, PruningLaw, Sigmoid

SynapseDrop = Literal["magnitude", "laplace", "sigmoid", "random"]
SynapseGrowth = Literal["random", "gradient", "local"]
SynapseBirth = Literal["zero", "fresh"]
Moments = Literal["reset", "inherit"]


@kconfig_dataclass
class SynapseTurnover:
    """Settings of an event.

    `share` of a unit's synapses, in (0, 1], is for dropping by magnitude and at random; `scale`,
    above 0, for the Laplace law; `spread`, in [0, 2], for local growth: so many-th power of the
    synapses of a unit is the deviation in pixels. Raises ValueError for what is out of range.
    """

    drop: SynapseDrop = symbol("RESAMPLING_DROP")
    share: float | None = symbol("RESAMPLING_SHARE")
    scale: float | None = symbol("RESAMPLING_SCALE")
    grow: SynapseGrowth = symbol("RESAMPLING_GROW")
    spread: float | None = symbol("RESAMPLING_SPREAD")
    birth: SynapseBirth = symbol("RESAMPLING_BIRTH")
    moments: Moments = symbol("RESAMPLING_MOMENTS")

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError(f"0 < share <= 1 must hold, but share={self.share}")
        if self.scale is not None and not self.scale > 0:
            raise ValueError(f"scale > 0 must hold, but scale={self.scale}")

    @property
    def law(self) -> PruningLaw | None:
        """The law by which each synapse goes by itself; None where a share goes."""
        if self.drop == "laplace":
            return Laplace(self.scale or 0.0)
        return Sigmoid() if self.drop == "sigmoid" else None

    def quota(self, fan_in: int) -> int:
        """Return how many synapses a unit loses where a share goes: at least 1."""
        return max(1, math.floor(round(fan_in * (self.share or 0.0), 6)))

    def dropped(
        self, weight: Tensor, free: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return slots of `weight` (units, fan_in) that may lose their synapse, and if they do.

        Both (units, n); n is at most `free`, the inputs that a unit does not have. The weakest
        come first. A weight that is not finite stays.
        """
        size, law = weight.detach().abs(), self.law
        if law is not None:
            goes = torch.rand(size.shape, generator=generator).to(size) < law.going(size)
            keys, limit = size.where(goes, math.inf), size.shape[1]
        else:
            keys, limit = size, self.quota(size.shape[1])
            if self.drop == "random":
                keys = torch.rand(size.shape, generator=generator).to(size)
        lowest = keys.topk(min(limit, free), dim=1, largest=False)
        return lowest.indices, lowest.values.isfinite()

    def newborn(self, like: Tensor, std: float, generator: torch.Generator) -> Tensor:
        """Return the weights of new synapses; `std` is that of the layer's own initialization."""
        if self.birth == "zero":
            return torch.zeros_like(like)
        shape, law = like.shape, self.law
        if law is not None:
            return law.fresh(shape, generator).to(like)
        return (std * torch.randn(shape, generator=generator)).to(like)
