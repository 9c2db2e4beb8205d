"""Networks to operate on, with inputs for them, and what a training step needs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espalier.core.samples import SampleShape
from espalier.models.lenet5 import LeNet5
from espalier.models.mlp import Mlp
from espalier.models.residual import BasicBlock, normed
from espalier.surgery import death
from espalier.surgery.edit_context import EditContext
from espalier.surgery.probe import Statistics


class FeedForward(nn.Module):
    """The second half of a transformer's block."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.ffn = nn.Sequential(
            *(nn.Linear(width, inner), nn.GELU(), nn.Dropout(0.1)),
            *(nn.Linear(inner, width), nn.Dropout(0.1)),
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.ffn(x))


def mlp() -> tuple[nn.Module, Tensor]:
    return Mlp(width=32, layers=2).build(SampleShape(1, 4, 4, 5)), torch.randn(64, 1, 4, 4)


def conv() -> tuple[nn.Module, Tensor]:
    layers = [nn.Conv2d(2, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()]
    last = [nn.Conv2d(12, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)]
    return nn.Sequential(*layers, *last), torch.randn(16, 2, 8, 8)


def lenet() -> tuple[nn.Module, Tensor]:
    return LeNet5().build(SampleShape(1, 32, 32, 10)), torch.randn(16, 1, 32, 32)


def residual() -> tuple[nn.Module, Tensor]:
    stem = [normed(3, 8, 3), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    blocks = [BasicBlock(8, 8, 1), BasicBlock(8, 16, 2)]
    return nn.Sequential(*stem, *blocks, *head), torch.randn(8, 3, 8, 8)


def transformer() -> tuple[nn.Module, Tensor]:
    blocks = nn.Sequential(FeedForward(16, 64), FeedForward(16, 64), nn.Linear(16, 7))
    return blocks, torch.randn(8, 12, 16)


BODIES = [mlp, conv, lenet, residual, transformer]


def trained(
    body: Callable[[], tuple[nn.Module, Tensor]], steps: int = 3
) -> tuple[nn.Module, Tensor, torch.optim.Optimizer]:
    """A body after a few steps of AdamW, so that norms and moments are not as they began."""
    torch.manual_seed(0)
    model, x = body()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, amsgrad=True)
    model.train()
    for _ in range(steps):
        step(model, x, optimizer)
    return model.eval(), x, optimizer


def step(model: nn.Module, x: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = model(x).square().mean() - model(x).mean()
    loss.backward()
    optimizer.step()
    return loss


def logits(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model.eval()(x)


def zero(site: EditContext, dead: Tensor, statistics: Statistics) -> Tensor:
    return death.kill(site, death.substitute_nothing(site.pair, dead, statistics))


def fold_mean(site: EditContext, dead: Tensor, statistics: Statistics) -> Tensor:
    return death.kill(site, death.substitute_mean(site.pair, dead, statistics))


def fold_survivors(
    site: EditContext, dead: Tensor, statistics: Statistics, ridge: float = death.RIDGE
) -> Tensor:
    return death.kill(site, death.substitute_survivors(site.pair, dead, statistics, ridge))
