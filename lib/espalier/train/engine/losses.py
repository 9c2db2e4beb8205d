"""The loss of K trials at once: one formula for a run alone and for a pack."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def mean_losses(logits: Tensor, y: Tensor, trials: int) -> Tensor:
    """Return the mean cross-entropy of each trial, (K,).

    Takes logits (K*b, classes) and labels y (K*b,).
    For text, logits are (K*b, context, vocabulary) and y (K*b, context). Trial 0's samples come
    first, then trial 1's, and so on.
    """
    rows, labels = widen_float(logits).flatten(0, -2), y.flatten()  # (targets, classes)
    if trials > 1 and _is_narrow(rows):
        shares = torch.log_softmax(rows.t().contiguous(), 0).t()
        losses = F.nll_loss(shares, labels, reduction="none")
    else:
        losses = F.cross_entropy(rows, labels, reduction="none")
    return losses.view(trials, -1).mean(1)


_REGISTER = {"AVX512": 64, "AVX2": 32}
"""Bytes that torch's kernels treat at once on a CPU."""


def _is_narrow(rows: Tensor) -> bool:
    """Return whether a row is less than a register holds, and a column is whole registers.

    Then the CPU takes row by row with most of a register empty, and column by column a sixth of
    the time (10 classes). Both add up the classes in order: the numbers are the same, bit for bit.
    What is left of a column beyond whole registers would be rounded in another way.
    """
    if rows.device.type != "cpu":
        return False
    register = _REGISTER.get(torch.backends.cpu.get_cpu_capability(), 0)
    height, width = (size * rows.element_size() for size in rows.shape)
    return width < register and height % register == 0


def widen_float(logits: Tensor) -> Tensor:
    """Return `logits` in float32, or unchanged if they are in float64."""
    return logits.float() if logits.element_size() < 4 else logits
