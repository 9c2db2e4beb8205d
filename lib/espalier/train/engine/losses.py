"""The loss of K trials at once: one formula for a run alone and for a pack."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def mean_losses(logits: Tensor, y: Tensor, trials: int) -> Tensor:
    """Return the mean cross-entropy of each trial, (K,).

    Takes logits (K*b, classes) and labels y (K*b,).
    For text, logits are (K*b, context, vocabulary) and y (K*b, context). Trial 0's samples come
    first, then trial 1's, and so on.
    """
    rows = widen_float(logits).flatten(0, -2)  # (targets, classes)
    return F.cross_entropy(rows, y.flatten(), reduction="none").view(trials, -1).mean(1)


def widen_float(logits: Tensor) -> Tensor:
    """Return `logits` in float32, or unchanged if they are in float64."""
    return logits.float() if logits.element_size() < 4 else logits
