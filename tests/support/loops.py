"""A tiny network, its data and the plainest training loop, for tests of methods and optimizers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core import component
from espalier.core.contracts import Method, Optimizer, Run
from espalier.core.samples import Split
from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.masked_blocks import Blocks

SAMPLES, BATCH = 48, 8  # six steps an epoch
PRUNABLE = 3 * 1 * 9 + 5 * 12 + 4 * 5  # convolution and two linear layers


def network(seed: int = 0) -> nn.Sequential:
    """Convolution, normalisation and two linear layers, on 4x4 images, for 4 classes."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1),
        nn.BatchNorm2d(3),
        nn.Flatten(),
        nn.ReLU(),
        nn.Linear(12, 5),
        nn.Tanh(),
        nn.Linear(5, 4),
    )


def deep_network(seed: int = 0) -> nn.Sequential:
    """A hidden layer between two others that can be the identity, for the same images."""
    torch.manual_seed(seed)
    hidden = (nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 4))
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), *hidden)


class Beside(nn.Module):
    """x + f(x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, 7), nn.Tanh(), nn.Linear(7, width))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


def residual_network(seed: int = 0) -> nn.Sequential:
    """Three residual branches between linear layers, for the same images and classes."""
    torch.manual_seed(seed)
    blocks = (Beside(6) for _ in range(3))
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), *blocks, nn.Linear(6, 4))


def sparse_network(seed: int = 0) -> nn.Sequential:
    """Two layers of synapses, the second on the first, for the same images and classes."""
    torch.manual_seed(seed)
    first = Synapses(16, wiring.random(6, 16, 5, None))
    second = Synapses(6, wiring.random(7, 6, 4, None))
    return nn.Sequential(nn.Flatten(), first, nn.Tanh(), second, nn.Tanh(), nn.Linear(7, 4))


def blocks_network(seed: int = 0, density: float = 0.4) -> Blocks:
    """Masked blocks, three hidden nodes, for the same images and classes."""
    torch.manual_seed(seed)
    net = Blocks((16, 7, 6, 5, 4))
    net.draw(density)
    return net


def split(seed: int = 1) -> Split:
    """Random images and labels."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(SAMPLES, 1, 4, 4, generator=generator)
    return Split(x, torch.randint(4, (SAMPLES,), generator=generator))


def run_of(
    optimizer: Optimizer,
    method: Method,
    epochs: int = 8,
    lr: float = 0.01,
    model: nn.Module | None = None,
) -> Run:
    """A run before its first step, the method attached."""
    model, data = model or network(), split()
    random = {"method": torch.Generator().manual_seed(0)}
    run = Run(model, optimizer.build(model, lr), method, data, data, epochs, BATCH, random)
    run.attach()
    return run


def optimizer_of(name: str, model: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer of the tree with a rate of 0.01, that trains shallow models too."""
    fields = {"muon": {"ends": True}}.get(name, {})
    return component.find("optimizer", name, Optimizer)(**fields).build(model, 0.01)


def batch(step: int) -> tuple[Tensor, Tensor]:
    """The batch of update `step`, from 0."""
    data, start = split(), step * BATCH % SAMPLES
    return data.x[start : start + BATCH], data.y[start : start + BATCH]


def backward(model: nn.Module, step: int) -> Tensor:
    """Gradients of the batch's loss."""
    model.zero_grad()
    x, y = batch(step)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    return loss


def train(run: Run, steps: int) -> Run:
    """`steps` updates, the method's promise checked after each."""
    for _ in range(steps):
        backward(run.model, run.step)
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        run.method.check(run)
    return run


def resume(run: Run, saved: Run) -> Run:
    """Give `run` a copy of everything that `saved` has come to, as a checkpoint does."""
    run.method.load_state_dict(run, copy.deepcopy(saved.method.state_dict(saved)))
    run.model.load_state_dict(saved.model.state_dict())
    run.optimizer.load_state_dict(copy.deepcopy(saved.optimizer.state_dict()))
    run.generators["method"].set_state(saved.generators["method"].get_state())
    run.step, run.epoch = saved.step, saved.epoch
    return run


def values(model: nn.Module) -> list[Tensor]:
    """A copy of all parameters."""
    return [p.detach().clone() for p in model.parameters()]


def same(tensors: Any, others: Any) -> bool:
    """Whether two lists of tensors are equal bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(tensors, others, strict=True))
