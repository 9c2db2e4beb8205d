"""A small network in float64, and the same by hand in numpy: ReLU, cross-entropy, plain SGD."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from espalier.core.contracts import Method, Run
from espalier.core.samples import Split

Array = NDArray[np.float64]
RATE = 0.1
SAMPLES = 48
BATCH = 8


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)]
    return nn.Sequential(nn.Flatten(), *layers).double()


def data() -> Split:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(SAMPLES, 1, 2, 3, generator=generator, dtype=torch.float64)
    return Split(x, torch.randint(3, (SAMPLES,), generator=generator))


def places(step: int) -> torch.Tensor:
    """Return the samples of an update."""
    return (torch.arange(BATCH) + step * BATCH) % SAMPLES


class Reference:
    """Weights and biases in turn, and their gradients by hand."""

    def __init__(self, model: nn.Module) -> None:
        self.values = [p.detach().numpy().copy() for p in model.parameters()]
        split = data()
        self.x, self.y = split.x.flatten(1).numpy(), split.y.numpy()

    def activations(self, step: int) -> list[Array]:
        """Return the input, and what each layer gives, of the update's samples."""
        seen, outputs = self.x[places(step).numpy()], []
        outputs.append(seen)
        for layer in range(3):
            w, b = self.values[2 * layer : 2 * layer + 2]
            seen = seen @ w.T + b
            seen = seen if layer == 2 else np.maximum(seen, 0)
            outputs.append(seen)
        return outputs

    def gradients(self, step: int) -> list[Array]:
        """Return the gradients of the mean loss by all values."""
        outputs, labels = self.activations(step), self.y[places(step).numpy()]
        shares = np.exp(outputs[-1] - outputs[-1].max(1, keepdims=True))
        delta = shares / shares.sum(1, keepdims=True)
        delta[np.arange(BATCH), labels] -= 1
        delta, grads = delta / BATCH, []
        for layer in (2, 1, 0):
            grads = [delta.T @ outputs[layer], delta.sum(0), *grads]
            delta = (delta @ self.values[2 * layer]) * (outputs[layer] > 0)
        return grads


def pair(method: Method[Any], make: Any = None) -> tuple[Run[Any], Reference]:
    """Return a run with its method attached, and the same by hand."""
    model, split = network(), data()
    optimizer = make(model) if make else torch.optim.SGD(model.parameters(), lr=RATE)
    generators = {"method": torch.Generator().manual_seed(0)}
    run: Run[Any] = Run(model, optimizer, method, split, split, 20, BATCH, generators)
    run.attach()
    return run, Reference(model)


def advance(run: Run[Any], step: int) -> None:
    """Do one update, as the loop does."""
    chosen = places(step)
    run.optimizer.zero_grad()
    run.model.train()
    F.cross_entropy(run.model(run.train.x[chosen]), run.train.y[chosen]).backward()
    run.method.after_backward(run)
    run.optimizer.step()
    run.step += 1
    run.method.after_step(run)


def assert_same(run: Run[Any], reference: Reference, within: float = 1e-6) -> None:
    """Assert that all weights and biases are equal."""
    for parameter, value in zip(run.model.parameters(), reference.values, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), value, rtol=0, atol=within)
