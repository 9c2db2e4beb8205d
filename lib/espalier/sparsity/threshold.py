"""Which scores are the k smallest: exact, and the same on every machine.

Order: by value, NaN above everything (as sorting puts it), equal values by position. On a CPU
numpy does the work: its comparisons and partitions are several times as fast as torch's.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]

SAMPLE = 65536  # scores sorted to bracket the threshold
DIRECT = 4 * SAMPLE  # below this many, partition them all
PIECE = 65536  # scores compared at a time, to stay in the processor's cache


def smallest(scores: Tensor, k: int, first: Tensor | None = None) -> Tensor:
    """The bool mask (n,) of the `k` smallest of `scores` (n,) float32.

    On a tie those where `first` (n,) bool is True go first, then the lower positions.
    """
    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    limit = _kth_on_cpu(scores.numpy(), k) if scores.is_cpu else float(scores.kthvalue(k).values)
    if math.isnan(limit):
        return _by_sorting(scores, k)
    chosen = _at_most(scores, limit)
    surplus = count(chosen) - k
    if surplus > 0:
        ties = torch.nonzero(scores == limit).flatten()
        chosen[_in_order(ties, first)[-surplus:]] = False
    return chosen


def count(mask: Tensor) -> int:
    """How many of `mask`, bool, are True."""
    return int(np.count_nonzero(mask.numpy()) if mask.is_cpu else torch.count_nonzero(mask))


def _at_most(scores: Tensor, limit: float) -> Tensor:
    if not scores.is_cpu:
        return scores <= limit
    return torch.from_numpy(scores.numpy() <= np.float32(limit))  # seven times torch's speed


def _in_order(ties: Tensor, first: Tensor | None) -> Tensor:
    if first is None:
        return ties
    return torch.cat([ties[first[ties]], ties[~first[ties]]])


def _by_sorting(scores: Tensor, k: int) -> Tensor:
    """For scores that are not numbers, of which nothing need be remembered."""
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    chosen[torch.argsort(scores, stable=True)[:k]] = True
    return chosen


def _kth_on_cpu(scores: Floats, k: int) -> float:
    """The k-th smallest score, k from 1: exact, since only the search is narrowed by a sample."""
    if len(scores) > DIRECT:
        found = _kth_inside(scores, k, *_bracket(scores, k))
        if found is not None:
            return found
    return float(np.partition(scores, k - 1)[k - 1])


def _bracket(scores: Floats, k: int) -> tuple[float, float]:
    """Two scores that the k-th smallest most likely lies between: six standard errors each way."""
    sample = np.sort(scores[:: len(scores) // SAMPLE])
    share = k / len(scores)
    margin = 6 * np.sqrt(len(sample) * share * (1 - share)) + 2
    low, high = int(share * len(sample) - margin), int(share * len(sample) + margin)
    return (
        float(sample[low]) if low >= 0 else -np.inf,
        float(sample[high]) if high < len(sample) else np.inf,
    )


def _kth_inside(scores: Floats, k: int, low: float, high: float) -> float | None:
    """The k-th smallest if it is in [low, high], else None; one pass over the scores."""
    below, inside = 0, []
    for start in range(0, len(scores), PIECE):
        piece = scores[start : start + PIECE]
        under = piece < np.float32(low)
        below += int(np.count_nonzero(under))
        inside.append(piece[(piece <= np.float32(high)) ^ under])
    bracketed = np.concatenate(inside)
    if not below < k <= below + len(bracketed):
        return None
    return float(np.partition(bracketed, k - below - 1)[k - below - 1])
