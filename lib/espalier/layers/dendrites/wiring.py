"""Which inputs the synapses of a unit come from.

Every function gives (units, fan_in) int64, the inputs of a unit all different and in ascending
order, and raises ValueError for more inputs of a unit than there are. Without a generator numbers
come from torch's global one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor

WiringKind: TypeAlias = Literal["random", "local", "full"]
Pixels: TypeAlias = tuple[int, int, int]  # channels, height, width


class Wiring(Protocol):
    """Draws the inputs of units."""

    def __call__(
        self, units: int, inputs: int, fan_in: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw inputs (units, fan_in) int64."""
        ...


def random(
    units: int, inputs: int, fan_in: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draw inputs such that for each unit all sets are equally likely."""
    check(inputs, fan_in)
    return _highest(torch.rand(units, inputs, generator=generator), fan_in)


def full(units: int, inputs: int, fan_in: int, generator: torch.Generator | None = None) -> Tensor:
    """Connect every unit to every input: `fan_in` must be `inputs`. Nothing is drawn."""
    del generator
    if fan_in != inputs:
        raise ValueError(f"fan_in = inputs must hold: fan_in={fan_in}, inputs={inputs}")
    return torch.arange(inputs).repeat(units, 1)


@dataclass(frozen=True)
class Local:
    """Each unit sees inputs around a pixel of its own, the nearer the likelier, of all channels.

    The pixel is any of the image's with the same probability; the inputs are drawn one after the
    other with probabilities of a Gaussian around it, of deviation fan_in^spread pixels. So fields
    at the border are cut off, and do not crowd there.

    Source: the local receptive fields of saurluca/dendritic-computation at 24fc87b; for drawing
    without rejection, Gumbel-top-k of Kool, van Hoof and Welling 2019, arXiv 1903.06059.
    Differs: there, offsets are rounded and clipped to the border, and channels are not known.
    """

    pixels: Pixels
    spread: float = 0.5

    def __post_init__(self) -> None:
        if len(self.pixels) != 3 or min(self.pixels) < 1:
            rule = "must be channels, height and width, each from 1"
            raise ValueError(f"pixels={self.pixels}: {rule}")
        if not math.isfinite(self.spread):
            raise ValueError(f"spread={self.spread}: must be a number")

    def __call__(
        self, units: int, inputs: int, fan_in: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw inputs, numbered as those of a flattened image."""
        check(inputs, fan_in)
        place = pixel_places(self.pixels).float()  # (inputs, 2)
        if len(place) != inputs:
            raise ValueError(f"images of {self.pixels} have {len(place)} values, not {inputs}")
        centre = place[torch.randint(inputs, (units,), generator=generator)]
        noise = torch.empty(units, inputs).exponential_(generator=generator)
        distance = torch.cdist(centre, place, compute_mode="donot_use_mm_for_euclid_dist")
        variance = float(fan_in) ** (2 * self.spread)
        return _highest(-distance.square() / (2 * variance) - noise.log_(), fan_in)


def make_wiring(kind: WiringKind, pixels: Pixels, spread: float) -> Wiring:
    """Return the wiring of a kind for images of `pixels`; `spread` is for local ones."""
    kinds: dict[WiringKind, Wiring] = {
        "random": random,
        "local": Local(pixels, spread),
        "full": full,
    }
    return kinds[kind]


def pixel_places(pixels: Pixels) -> Tensor:
    """Return (channels * height * width, 2): row and column of each input of a flattened image."""
    channels, height, width = pixels
    grid = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return grid.repeat(channels, 1)


def check(inputs: int, fan_in: int) -> None:
    """Raise ValueError unless units can have so many different inputs each."""
    if not 1 <= fan_in <= inputs:
        raise ValueError(f"1 <= fan_in <= inputs must hold: fan_in={fan_in}, inputs={inputs}")


def check_index(index: Tensor, inputs: int) -> None:
    """Raise ValueError or TypeError unless `index` (units, fan_in) names inputs, no one twice.

    Of an index without memory, on the meta device, only the shape is known.
    """
    if index.ndim != 2 or 0 in index.shape:
        raise ValueError(f"the wiring must be (units, fan_in), not {tuple(index.shape)}")
    if index.dtype != torch.int64:
        raise TypeError(f"the wiring must be int64, not {index.dtype}")
    check(inputs, index.shape[1])
    if index.is_meta:
        return
    low, high = index.aminmax()
    if low < 0 or high >= inputs:
        raise ValueError(f"inputs of a wiring must be in 0..{inputs - 1}, not {low}..{high}")
    if not index.sort(dim=1).values.diff(dim=1).all():
        raise ValueError("the inputs of a unit must be different: a wiring has one of them twice")


def _highest(keys: Tensor, fan_in: int) -> Tensor:
    return keys.topk(fan_in, dim=1).indices.sort(dim=1).values
