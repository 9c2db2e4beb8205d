"""Which scores are the k smallest: exact, and the same on every machine.

Order: by value, NaN above everything (as torch sorts), equal values by position.
"""

from __future__ import annotations

import torch
from torch import Tensor


def smallest(scores: Tensor, k: int) -> Tensor:
    """The bool mask (n,) of the `k` smallest of `scores` (n,), the first positions on a tie."""
    chosen = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
    chosen[torch.argsort(scores, stable=True)[:k]] = True
    return chosen
