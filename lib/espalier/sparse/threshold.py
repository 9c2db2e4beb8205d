"""Selection of the k smallest scores: exact, and the same on every machine.

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


def mark_smallest(scores: Tensor, k: int, out: Tensor, first: Tensor | None = None) -> None:
    """Set `out` (n,) bool to True at the `k` smallest of `scores` (n,) float32, else to False.

    On a tie those where `first` (n,) bool is True go first, then the lower positions.
    """
    if k == 0:
        out.zero_()
        return
    limit = _kth(scores, k)
    if math.isnan(limit):
        out.fill_(True)  # all that is a number goes, and some that is not
        ties = torch.nonzero(scores.isnan()).flatten()
    else:
        _mark_up_to(limit, scores, out)
        ties = None
    surplus = count(out) - k
    if surplus > 0:
        ties = _equal_to(limit, scores) if ties is None else ties
        out[_in_order(ties, first)[-surplus:]] = False


def count(mask: Tensor) -> int:
    """Return the number of True elements of `mask`."""
    return int(np.count_nonzero(mask.numpy()) if mask.is_cpu else torch.count_nonzero(mask))


def _mark_up_to(limit: float, scores: Tensor, out: Tensor) -> None:
    if scores.is_cpu:
        np.less_equal(scores.numpy(), np.float32(limit), out=out.numpy())
    else:
        torch.le(scores, limit, out=out)


def _equal_to(limit: float, scores: Tensor) -> Tensor:
    if scores.is_cpu:
        return torch.from_numpy(np.flatnonzero(scores.numpy() == np.float32(limit)))
    return torch.nonzero(scores == limit).flatten()


def _in_order(ties: Tensor, first: Tensor | None) -> Tensor:
    if first is None:
        return ties
    return torch.cat([ties[first[ties]], ties[~first[ties]]])


def _kth(scores: Tensor, k: int) -> float:
    """Return the k-th smallest score, k from 1, NaN being the largest."""
    return _kth_on_cpu(scores.numpy(), k) if scores.is_cpu else float(scores.kthvalue(k).values)


def _kth_on_cpu(scores: Floats, k: int) -> float:
    """Return the k-th smallest score, exactly: a sample only narrows the search."""
    if len(scores) > DIRECT:
        low, high = _bracket(scores, k)
        kth = _kth_between(scores, k, low, high)
        if kth is not None:
            return kth
        for end in (low, high):
            if _is_kth(scores, k, end):
                return end
    return float(np.partition(scores, k - 1)[k - 1])


def _bracket(scores: Floats, k: int) -> tuple[float, float]:
    """Return two scores that bracket the k-th smallest with four standard errors each way."""
    sample = np.sort(scores[:: len(scores) // SAMPLE])
    share = k / len(scores)
    margin = 4 * np.sqrt(len(sample) * share * (1 - share)) + 2
    low, high = int(share * len(sample) - margin), int(share * len(sample) + margin)
    return (
        float(sample[low]) if low >= 0 else -np.inf,
        float(sample[high]) if high < len(sample) else np.inf,
    )


def _kth_between(scores: Floats, k: int, low: float, high: float) -> float | None:
    """Return the k-th smallest if it is above `low` and below `high`, else None; one pass.

    The ends are left out because one of them is often the 0 that all pruned weights score.
    """
    below, inside = 0, []
    for start in range(0, len(scores), PIECE):
        piece = scores[start : start + PIECE]
        under = piece <= np.float32(low)
        below += int(np.count_nonzero(under))
        inside.append(piece[(piece < np.float32(high)) > under])
    between = np.concatenate(inside)
    if not below < k <= below + len(between):
        return None
    return float(np.partition(between, k - below - 1)[k - below - 1])


def _is_kth(scores: Floats, k: int, value: float) -> bool:
    below = np.count_nonzero(scores < np.float32(value))
    return bool(below < k <= np.count_nonzero(scores <= np.float32(value)))
