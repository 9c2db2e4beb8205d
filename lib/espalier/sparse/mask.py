"""Masks over the prunable weights, and the promise they make.

The promise: a pruned weight is exactly 0 after every step, and so is all optimizer state of it.
It takes two things. When weights are pruned, they and their state are zeroed once. From then on
their gradients are zeroed before each update: with gradient, weight and state at 0, SGD with
momentum, Adam with either weight decay and AMSGrad leave all of them at 0, so nothing else need
be multiplied each step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from espalier.sparse.events.mask_history import MaskHistory
from espalier.sparse.exact_zeros import ExactZeros
from espalier.sparse.masked_weight import find_leaks, weight_and_state
from espalier.sparse.threshold import count


class MaskSet(MaskHistory):
    """One mask for each of `weights`, which must share a device and a number format.

    Memory, from the first pruning on: one value of the weights' own format and two bytes a weight.
    (On a CPU, multiplying gradients by the bytes takes three to seven times as long.)
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = list(weights)
        self.weights = list(weights.values())
        self.sizes = [w.numel() for w in self.weights]
        self.size = sum(self.sizes)
        self.pruned = 0  # weights masked out
        self.mask: Tensor | None = None  # (size,) bool: True where pruned, weights in a row
        self._spare: Tensor | None = None
        self._keep: list[Tensor] = []  # 0 where pruned, else 1, in the shapes of the weights
        self._dead: list[Tensor] = []  # views of the current mask, once weights are zeroed
        self._zeros: list[ExactZeros] = []  # of the current mask, once something is enforced

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that is masked out, in [0, 1]."""
        return self.pruned / self.size if self.size else 0.0

    @torch.no_grad()
    def set(self, mask: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Prune exactly where `mask` (size,) bool is True; zero those weights and their state."""
        with self.event():
            self._set(mask, optimizer)

    def _set(self, mask: Tensor, optimizer: torch.optim.Optimizer) -> None:
        old, pruned = self.mask, count(mask)
        fresh = _positions(mask, old)  # what was pruned before is 0 already
        if old is None or pruned < self.pruned + len(fresh):  # first time, or some came back
            self.restore(mask)
        self.mask, self.pruned, self._spare = mask, pruned, old
        self._dead, self._zeros = [], []
        parts = self._positions_by_weight(fresh)
        for weight, keep, part in zip(self.weights, self._keep, parts, strict=True):
            for tensor in (keep, *weight_and_state(weight, optimizer).values()):
                _zero(tensor, part, keep)

    def spare(self) -> Tensor:
        """Return a buffer (size,) bool of any content, for the next mask."""
        if self._spare is None:
            device = self.weights[0].device
            self._spare = torch.empty(self.size, dtype=torch.bool, device=device)
        return self._spare

    def split(self, row: Tensor) -> list[Tensor]:
        """Return the parts of a `row` (size,) of all weights, each in its weight's shape."""
        parts = zip(torch.split(row, self.sizes), self.weights, strict=True)
        return [part.view(weight.shape) for part, weight in parts]

    @override
    def live_masks(self) -> list[Tensor]:
        if self.mask is None:
            return [torch.ones_like(weight, dtype=torch.bool) for weight in self.weights]
        return [~dead for dead in self.split(self.mask)]

    @override
    def values(self) -> list[Tensor]:
        return self.weights

    @property
    @override
    def is_dense(self) -> bool:
        return self.pruned == 0

    def _positions_by_weight(self, positions: Tensor) -> list[Tensor]:
        """Convert ascending positions in the row of all weights to positions in each weight."""
        ends = torch.tensor(self.sizes).cumsum(0)
        cuts = torch.searchsorted(positions, ends.to(positions.device)).tolist()
        starts = [0, *cuts[:-1]]
        offsets = (ends - torch.tensor(self.sizes)).tolist()
        return [positions[a:b] - x for a, b, x in zip(starts, cuts, offsets, strict=True)]

    def restore(self, mask: Tensor) -> None:
        """Set the masks alone, for weights and state that already obey them."""
        self.replace_masks()
        self.mask = mask.to(self.weights[0].device)
        self.pruned = count(self.mask)
        self._dead, self._zeros = [], []
        if not self._keep:
            self._keep = [w.new_ones(w.shape) for w in self.weights]
        for keep, part in zip(self._keep, self.split(self.mask), strict=True):
            torch.logical_not(part, out=keep)

    def mark(self, layer: int, at: tuple[Tensor, ...], pruned: bool) -> None:
        """Set the mask of single weights of a layer, which all have the other state now.

        `at` has an index (n,) for each dimension. Weights and state are left to the caller. A mask
        must have been set before.
        """
        assert self.mask is not None, "no mask has been set"
        with self.event():
            self.split(self.mask)[layer][at] = pruned
            self._keep[layer][at] = 0 if pruned else 1
            self.pruned += len(at[0]) if pruned else -len(at[0])
            self._dead, self._zeros = [], []

    def mask_gradients(self) -> None:
        """Zero the gradients of pruned weights; to be called before each update."""
        self.note_update()
        if not self.pruned:
            return
        pairs = [
            (w.grad, keep)
            for w, keep in zip(self.weights, self._keep, strict=True)
            if w.grad is not None
        ]
        if pairs:
            torch._foreach_mul_([grad for grad, _ in pairs], [keep for _, keep in pairs])

    @property
    def keep(self) -> list[Tensor]:
        """0 where pruned, else 1, in the shapes of the weights; empty before the first pruning."""
        return self._keep

    def mask_gradient(self, position: int) -> None:
        """Zero the gradient, where it is pruned, of the weight at `position`."""
        self.note_update()
        gradient = self.weights[position].grad
        if self.pruned and gradient is not None:
            gradient.detach().mul_(self._keep[position])

    @torch.no_grad()
    def zero_weights(self) -> None:
        """Zero the pruned weights, whatever has written there, also infinities and NaN."""
        if self.mask is None:
            return
        if not self._dead:
            self._dead = self.split(self.mask)  # costs as much as the zeroing of small weights
        for weight, dead in zip(self.weights, self._dead, strict=True):
            weight.masked_fill_(dead, 0.0)

    def enforce(self, optimizer: torch.optim.Optimizer) -> None:
        """Zero pruned weights and all of their state, whatever has written there."""
        if self.pruned and not self._zeros:
            assert self.mask is not None
            self._zeros = [ExactZeros(dead) for dead in self.split(self.mask)]
        for weight, zeros in zip(self.weights, self._zeros, strict=False):
            for tensor in weight_and_state(weight, optimizer).values():
                zeros.apply(tensor)

    def clear(self) -> None:
        """Forget the masks: nothing is pruned."""
        self.replace_masks()
        self.pruned, self.mask, self._keep = 0, None, []
        self._dead, self._zeros = [], []

    def assert_masked(self, optimizer: torch.optim.Optimizer) -> None:
        """Raise AssertionError, naming the tensor, if the promise does not hold."""
        for name, weight, keep in zip(self.names, self.weights, self._keep, strict=False):
            for part, wrong in find_leaks(weight, keep != 0, optimizer).items():
                raise AssertionError(f"{wrong} pruned elements of {part} of {name} are not 0")


def _zero(tensor: Tensor, positions: Tensor, keep: Tensor) -> None:
    """Zero `tensor` at `positions` of its elements in a row; `keep` is its mask."""
    if tensor.is_contiguous():
        tensor.view(-1).scatter_(0, positions, 0.0)
    else:
        tensor.mul_(keep)


def _positions(mask: Tensor, but: Tensor | None) -> Tensor:
    """Return ascending positions in `mask` but not in `but`, whose content is lost."""
    if not mask.is_cpu:
        return torch.nonzero(mask if but is None else mask & ~but).flatten()
    if but is None:
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return torch.from_numpy(np.flatnonzero(np.greater(mask.numpy(), but.numpy(), out=but.numpy())))
