"""Three linear layers in float64 and their gradients, for rules that a test writes out."""

from __future__ import annotations

import loops
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZES = (16, 9, 7, 4)
SHAPES = [(9, 16), (7, 9), (4, 7)]


def network() -> nn.Sequential:
    """Linear layers of `SIZES` with tanh between, in float64."""
    torch.manual_seed(0)
    first, second, third = (nn.Linear(a, b) for a, b in zip(SIZES, SIZES[1:], strict=False))
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
