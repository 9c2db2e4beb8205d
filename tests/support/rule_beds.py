"""Two equal tiny networks in float64: one under an optimizer, one under a rule written in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import loops
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from espalier.core.contracts import Optimizer

Array = NDArray[np.float64]
Rule = Callable[[Array, Array, dict[str, Any], int, float], Array]
"""Returns new weights from weights, gradient, memory, step from 1 and rate; it fills the memory."""

LR = 0.01


def rate(step: int) -> float:
    """The rate of update `step`, from 0: it changes at each."""
    return LR / (1 + step % 3)


def double_network() -> nn.Module:
    """The network of `loops` in float64, without the bias whose gradient is rounding noise."""
    model = loops.network()
    model[0].bias = None  # normalisation takes it away again
    return model.double()


def backward(model: nn.Module, step: int) -> None:
    """Gradients of a batch's loss, in float64."""
    model.zero_grad()
    x, y = loops.batch(step)
    F.cross_entropy(model(x.double()), y).backward()  # type: ignore[no-untyped-call]


def train_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, steps: range
) -> torch.optim.Optimizer:
    """Updates under an optimizer."""
    for step in steps:
        backward(model, step)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
    return optimizer


def train_by_hand(model: nn.Module, rule: Callable[[str], Rule], steps: int) -> dict[str, Any]:
    """Updates by the rule of each parameter's name; return the memory of each."""
    memory: dict[str, Any] = {name: {} for name, _ in model.named_parameters()}
    for step in range(steps):
        backward(model, step)
        for name, p in model.named_parameters():
            assert p.grad is not None
            w, g = p.detach().numpy().copy(), p.grad.numpy().copy()
            p.data = torch.from_numpy(rule(name)(w, g, memory[name], step + 1, rate(step)))
    return memory


def distance(spec: Optimizer, rule: Callable[[str], Rule], steps: int = 100) -> float:
    """How far the two are apart in any weight after as many updates."""
    ours, theirs = double_network(), double_network()
    train_optimizer(ours, spec.build(ours, LR), range(steps))
    train_by_hand(theirs, rule, steps)
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


def decays(name: str, weight_decay: float) -> float:
    """The weight decay of a parameter of the network: of its matrices alone."""
    return weight_decay if name in ("0.weight", "4.weight", "6.weight") else 0.0
