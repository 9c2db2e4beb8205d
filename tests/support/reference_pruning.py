"""Pruning written anew with numpy, in float64: what the criteria are compared with.

A network of two layers, 16 inputs, 6 units with tanh or ReLU and 4 classes, its gradients by hand,
SGD with momentum, and masks chosen by sorting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import loops
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from espalier.core.contracts import Method, Optimizer, Run
from espalier.core.samples import Split
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.optimizers.sgd import SGD
from espalier.train.costs.cost_meter import CostMeter

Array = NDArray[np.float64]
RATE, MOMENTUM = 0.1, 0.9
SIZE = 6 * 16 + 4 * 6  # prunable weights


def network(unit: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    """The network in torch."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), unit(), nn.Linear(6, 4)).double()


def data() -> Split:
    """48 images in float64, and labels that can be learned from them."""
    split = loops.split()
    return Split(split.x.double(), split.x.flatten(1)[:, :4].argmax(1))


def run_of(
    method: Method, model: nn.Module | None = None, epochs: int = 16, optimizer: Any = None
) -> Run:
    """A run of the network on the data in batches of 8, six updates an epoch, before its first.

    Its operations are counted, which must leave scores as they are.
    """
    model, split = model or network(), data()
    spec: Optimizer = optimizer or SGD(momentum=MOMENTUM, weight_decay=0.0, nesterov=False)
    generators = {"method": torch.Generator().manual_seed(0)}
    built = spec.build(model, RATE)
    run = Run(model, built, method, split, split, epochs, loops.BATCH, generators)
    run.costs = CostMeter()
    run.attach()
    return run


def batch(step: int) -> tuple[Array, NDArray[np.int64]]:
    """The batch of update `step`, from 0: images in rows, and labels."""
    split, start = data(), step * loops.BATCH % loops.SAMPLES
    part = slice(start, start + loops.BATCH)
    return split.x[part].flatten(1).numpy(), split.y[part].numpy()


def train(run: Run, steps: int) -> Run:
    """`steps` updates at a constant rate, the method's promise checked after each."""
    for _ in range(steps):
        x, y = (torch.from_numpy(part) for part in batch(run.step))
        run.model.zero_grad()
        nn.functional.cross_entropy(run.model(x), y).backward()
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        run.method.check(run)
    return run


def weights_of(run: Run) -> list[Array]:
    """First matrix, its biases, second matrix, its biases."""
    return [p.detach().numpy().copy() for p in run.model.parameters()]


@dataclass
class Reference:
    """The network, its masks (1: live) and its momenta; `unit` is tanh or relu."""

    weights: list[Array]
    unit: str = "tanh"
    masks: list[Array] = field(default_factory=list)
    momenta: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.masks = [np.ones_like(self.weights[0]), np.ones_like(self.weights[2])]
        self.momenta = [np.zeros_like(w) for w in self.weights]

    @classmethod
    def of(cls, model: nn.Module, unit: str = "tanh") -> Reference:
        """The same weights."""
        return cls([p.detach().numpy().copy() for p in model.parameters()], unit)

    @property
    def matrices(self) -> list[Array]:
        """The prunable weights."""
        return [self.weights[0], self.weights[2]]

    def hidden(self, x: Array) -> Array:
        """Activations of the units, in rows."""
        z = x @ self.weights[0].T + self.weights[1]
        return np.tanh(z) if self.unit == "tanh" else np.maximum(z, 0.0)

    def logits(self, x: Array) -> Array:
        """Outputs, in rows."""
        result: Array = self.hidden(x) @ self.weights[2].T + self.weights[3]
        return result

    def shares(self, x: Array, temperature: float = 1.0) -> Array:
        """Softmax of the outputs."""
        z = self.logits(x) / temperature
        e = np.exp(z - z.max(1, keepdims=True))
        result: Array = e / e.sum(1, keepdims=True)
        return result

    def gradients(self, x: Array, y: NDArray[np.int64], temperature: float = 1.0) -> list[Array]:
        """Of the mean cross-entropy, in the order of `weights`."""
        error = self.shares(x, temperature)
        error[np.arange(len(y)), y] -= 1.0
        return self.pull_back(x, error / (len(y) * temperature))

    def pull_back(self, x: Array, error: Array) -> list[Array]:
        """Gradients of sum(error * logits), with `error` constant."""
        h = self.hidden(x)
        slope = 1.0 - h**2 if self.unit == "tanh" else (h > 0).astype(float)
        inner = (error @ self.weights[2]) * slope
        return [inner.T @ x, inner.sum(0), error.T @ h, error.sum(0)]

    def update(self, step: int) -> None:
        """SGD on the live weights."""
        grads = self.gradients(*batch(step))
        grads[0], grads[2] = grads[0] * self.masks[0], grads[2] * self.masks[1]
        for w, g, m in zip(self.weights, grads, self.momenta, strict=True):
            m[...] = MOMENTUM * m + g
            w -= RATE * m

    def zero(self) -> None:
        """Zero what is pruned, and its momentum."""
        for place, mask in zip((0, 2), self.masks, strict=True):
            self.weights[place] *= mask
            self.momenta[place] *= mask

    def prune(self, scores: list[Array], sparsity: float) -> None:
        """Keep the round((1 - sparsity) * weights) live weights with the highest scores."""
        flat = np.concatenate([s.ravel() for s in scores])
        live = np.concatenate([m.ravel() for m in self.masks]) > 0
        flat = np.where(live, flat, -np.inf)
        order = np.argsort(flat, kind="stable")
        keep = np.ones(len(flat))
        keep[order[: len(flat) - round((1 - sparsity) * len(flat))]] = 0.0
        self.masks = [keep[:96].reshape(6, 16), keep[96:].reshape(4, 6)]
        self.zero()


Rule = Callable[[Reference], list[Array]]


def trained(reference: Reference, rule: Rule, when: Mapping[int, float], steps: int) -> Reference:
    """Train `steps` updates; after those in `when` prune by `rule` to the sparsities there."""
    for step in range(steps + 1):
        if step in when:
            reference.prune(rule(reference), when[step])
        if step < steps:
            reference.update(step)
    return reference


def assert_same(run: Run, reference: Reference) -> None:
    """Weights to 1e-6 of each other, masks exactly."""
    for ours, theirs in zip(weights_of(run), reference.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    parts = run.method_state.masks.split(run.method_state.masks.mask)
    for ours, theirs in zip(parts, reference.masks, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs == 0)


START = PruningPlan(target=0.8, timing="start")
ONE_SHOT = PruningPlan(target=0.8, timing="one_shot", ramp_end_epoch=5)
ROUNDS = PruningPlan(target=0.8, timing="rounds", rounds=3)
GRADUAL = PruningPlan(
    target=0.8, timing="gradual", warmup=20, ramp_end_epoch=10, frequency=20, curve="linear"
)
PLANS: dict[str, tuple[PruningPlan, dict[int, float]]] = {
    "start": (START, {0: 0.8}),
    "one_shot": (ONE_SHOT, {30: 0.8}),
    "rounds": (ROUNDS, {24: 1 - 0.2 ** (1 / 3), 48: 1 - 0.2 ** (2 / 3), 72: 0.8}),
    "gradual": (GRADUAL, {40: 0.4, 60: 0.8}),
}
"""Plans of 96 updates, and after which of them how much is pruned."""
STEPS = 96


def everything() -> tuple[Array, NDArray[np.int64]]:
    """All images in rows, and their labels."""
    split = data()
    return split.x.flatten(1).numpy(), split.y.numpy()


def compare(make: Callable[..., Method], rule: Rule, timing: str, unit: str = "tanh") -> Run:
    """Train by method and by rule, side by side; return the method's run."""
    plan, when = PLANS[timing]
    kind = nn.Tanh if unit == "tanh" else nn.ReLU
    run = train(run_of(make(plan), network(kind)), STEPS)
    assert_same(run, trained(Reference.of(network(kind), unit), rule, when, STEPS))
    return run
