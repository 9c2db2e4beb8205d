"""A batch of training samples beside those of the loop, for methods that look before they act."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.core.contracts import Run


def draw_batch(run: Run, size: int, counted: bool = True) -> tuple[Tensor, Tensor]:
    """Return `size` different training samples and their labels; all of them if there are fewer.

    They are drawn by the method's generator, so that the order of training stays as it is. A pass
    of them counts as one of training, unless the caller counts it.
    """
    if counted:
        run.count_passes(min(size, len(run.train)), min(size, len(run.train)))
    order = torch.randperm(len(run.train), generator=run.generators["method"])[:size]
    return next(iter(run.train.batches(order[None], len(order))))
