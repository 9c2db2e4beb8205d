"""Which inputs the synapses of a unit come from."""

from __future__ import annotations

import torch
from torch import Tensor


def random(units: int, inputs: int, fan_in: int, generator: torch.Generator | None) -> Tensor:
    """(units, fan_in) int64: for each unit `fan_in` different inputs, all sets equally likely."""
    keys = torch.rand(units, inputs, generator=generator)
    return keys.topk(fan_in, dim=1).indices
