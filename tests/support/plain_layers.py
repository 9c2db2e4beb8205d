"""Three linear layers in float64 and their gradients, for rules that a test writes out."""

from __future__ import annotations

from collections.abc import Sequence

import loops
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.contracts import Run

SIZES = (16, 9, 7, 4)
SHAPES = [(9, 16), (7, 9), (4, 7)]


def network(sizes: Sequence[int] = SIZES) -> nn.Sequential:
    """Three linear layers with tanh between, in float64."""
    torch.manual_seed(0)
    first, second, third = (nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
    layers = [nn.Flatten(), first, nn.Tanh(), second, nn.Tanh(), third]
    return nn.Sequential(*layers).double()


def gradients(model: nn.Module, step: int) -> None:
    """Leave the gradients of the batch of update `step` on the parameters."""
    x, y = loops.batch(step)
    model.zero_grad()
    F.cross_entropy(model(x.double()), y).backward()


def matrices(model: nn.Module) -> list[Tensor]:
    """The weights of the layers, in order."""
    return [p for p in model.parameters() if p.ndim > 1]


def linear(model: nn.Module) -> list[nn.Linear]:
    """The linear layers, in order."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def slopes(
    weights: Sequence[NDArray[np.float64]], biases: Sequence[NDArray[np.float64]], step: int
) -> list[NDArray[np.float64]]:
    """The gradients by weights, then by biases, on the batch of update `step`."""
    x, y = loops.batch(step)
    leaves = [torch.tensor(w, requires_grad=True) for w in (*weights, *biases)]
    h = x.flatten(1).double()
    for i, (w, b) in enumerate(zip(leaves[:3], leaves[3:], strict=True)):
        h = F.linear(torch.tanh(h) if i else h, w, b)
    return [g.numpy() for g in torch.autograd.grad(F.cross_entropy(h, y), leaves)]


def update(run: Run) -> None:
    """Do one update of a run as the loop does, and check its method."""
    x, y = loops.batch(run.step)
    run.model.zero_grad()
    F.cross_entropy(run.model(x.to(linear(run.model)[0].weight.dtype)), y).backward()
    run.method.after_backward(run)
    run.optimizer.step()
    run.step += 1
    run.method.after_step(run)
    run.method.check(run)
