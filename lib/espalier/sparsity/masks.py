"""Masks over the prunable weights, and the promise they make.

The promise: a pruned weight is exactly 0 after every step, and so is all optimizer state of it.
It takes two things. When weights are pruned, they and their state are zeroed once. From then on
their gradients are zeroed before each update: with gradient, weight and state at 0, SGD with
momentum, Adam with either weight decay and AMSGrad leave all of them at 0, so nothing else need
be multiplied each step.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def prunable(model: nn.Module) -> dict[str, Tensor]:
    """The trainable weights of all linear and 2-d convolution layers, by name, shared ones once."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        weight: Tensor = module.weight
        if weight.requires_grad and id(weight) not in seen:
            seen.add(id(weight))
            found[f"{name}.weight" if name else "weight"] = weight
    return found


class MaskSet:
    """One mask for each of `weights`, which must share a device and a number format.

    Memory: one value of the weights' own format a weight, from the first pruning on. (On a CPU,
    multiplying a gradient by bools takes three to seven times as long.)
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.names = list(weights)
        self.weights = list(weights.values())
        self.size = sum(w.numel() for w in self.weights)
        self.pruned = 0  # weights masked out
        self._keep: Tensor | None = None  # (size,) 1 where kept, 0 where pruned
        self._views: list[Tensor] = []  # the same memory in the shapes of the weights

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that is masked out, in [0, 1]."""
        return self.pruned / self.size if self.size else 0.0

    def pruned_mask(self) -> Tensor:
        """(size,) bool: True where pruned, weights in a row."""
        return self._flat() == 0

    def set(self, pruned: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Prune exactly where `pruned` (size,) bool is True; zero those weights and their state."""
        self.restore(pruned)
        pairs = [
            (tensor, keep)
            for weight, keep in zip(self.weights, self._views, strict=True)
            for tensor in held(weight, optimizer).values()
        ]
        torch._foreach_mul_([tensor for tensor, _ in pairs], [keep for _, keep in pairs])

    def restore(self, pruned: Tensor) -> None:
        """Set the masks alone, for weights and state that already obey them."""
        torch.logical_not(pruned, out=self._flat())
        self.pruned = int(torch.count_nonzero(pruned))

    def mask_gradients(self) -> None:
        """Zero the gradients of pruned weights; to be called before each update."""
        if not self.pruned:
            return
        pairs = [
            (w.grad, keep)
            for w, keep in zip(self.weights, self._views, strict=True)
            if w.grad is not None
        ]
        if pairs:
            torch._foreach_mul_([grad for grad, _ in pairs], [keep for _, keep in pairs])

    def _flat(self) -> Tensor:
        if self._keep is None:
            self._keep = self.weights[0].new_ones(self.size)
            parts = torch.split(self._keep, [w.numel() for w in self.weights])
            self._views = [x.view(w.shape) for x, w in zip(parts, self.weights, strict=True)]
        return self._keep

    def assert_masked(self, optimizer: torch.optim.Optimizer) -> None:
        """Raise AssertionError, naming the tensor, if the promise does not hold."""
        for name, weight, keep in zip(self.names, self.weights, self._views, strict=False):
            for part, tensor in held(weight, optimizer).items():
                wrong = int(torch.count_nonzero(tensor.where(keep == 0, 0)))
                assert wrong == 0, f"{wrong} pruned elements of {part} of {name} are not 0"


def held(weight: Tensor, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The weight itself and every tensor of its shape in the optimizer's state, by name."""
    state = optimizer.state.get(weight, {})
    like = {k: x for k, x in state.items() if torch.is_tensor(x) and x.shape == weight.shape}
    return {"weight": weight.detach(), **like}
