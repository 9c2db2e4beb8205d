"""Net2DeeperNet against the same network in numpy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import loops
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from espalier.core.contracts import CannotTrain, Run
from espalier.core.samples import Split
from espalier.methods.widening.deepening_schedule import DeepeningSchedule
from espalier.methods.widening.net2deeper import Net2Deeper
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD

PLAN = DeepeningSchedule(layers=2, stop=0.5)
Array = np.ndarray[Any, np.dtype[Any]]


def mlp() -> nn.Sequential:
    torch.manual_seed(3)
    widths = (16, 7, 7, 7, 7)
    body = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *body, nn.Linear(7, 4)).double()


def run_of(plan: DeepeningSchedule = PLAN, adam: bool = True, model: Any = None) -> Run[Any]:
    data = loops.split()
    data = Split(data.x.double(), data.y)
    model, generator = model or mlp(), torch.Generator().manual_seed(0)
    optimizer = Adam().build(model, 0.01) if adam else SGD(momentum=0.0).build(model, 0.1)
    method = Net2Deeper(plan)
    run = Run(model, optimizer, method, data, data, 17, loops.BATCH, {"method": generator})
    run.attach()
    return run


def train(run: Run[Any], steps: int) -> Run[Any]:
    for _ in range(steps):
        run.optimizer.zero_grad()
        x, y = loops.batch(run.step)
        F.cross_entropy(run.model(x.double()), y).backward()
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        run.method.check(run)
    return run


def step_by_hand(layers: list[tuple[Array, Array]], x: Array, y: Array, rate: float) -> None:
    """One update of gradient descent by backpropagation, in place."""
    values = [x]
    for number, (w, b) in enumerate(layers):
        z = values[-1] @ w.T + b
        values.append(z if number == len(layers) - 1 else np.maximum(z, 0))
    p = np.exp(values[-1] - values[-1].max(1, keepdims=True))
    slope = (p / p.sum(1, keepdims=True) - np.eye(4)[y]) / len(y)
    for number in reversed(range(len(layers))):
        w, b = layers[number]
        below = (slope @ w) * (values[number] > 0)
        w -= rate * slope.T @ values[number]
        b -= rate * slope.sum(0)
        slope = below


def test_hundred_updates_are_those_by_hand() -> None:
    run = run_of(adam=False)
    held = [p.detach().numpy().copy() for p in mlp().parameters()]
    whole = list(zip(held[::2], held[1::2], strict=True))
    layers = [*whole[:2], whole[4]]  # the last two of one width come later
    for step in range(102):
        x, y = loops.batch(step)
        step_by_hand(layers, x.double().flatten(1).numpy(), y.numpy(), 0.1)
        if step + 1 in (25, 51):  # half and all of 0.5 of 102 updates
            layers.insert(len(layers) - 1, (np.eye(7), np.zeros(7)))
    train(run, 102)
    ours = [p.detach().numpy() for p in run.model.parameters()]
    for mine, theirs in zip(ours, [part for layer in layers for part in layer], strict=True):
        assert np.allclose(mine, theirs, rtol=0, atol=1e-6)


def test_a_layer_that_comes_leaves_the_logits_as_they_are() -> None:
    measures = (run := train(run_of(), 60)).method.measures(run)
    assert measures["birth_difference"] < 1e-12
    assert measures["live_parameters"] == sum(p.numel() for p in mlp().parameters())
    assert measures["layers_added"] == measures["growth_events"] == 2


def test_operations_are_those_of_the_layers_that_there_are() -> None:
    run = train(run_of(), 60)
    short, layer = 16 * 7 + 7 * 7 + 7 * 4, 7 * 7
    passed = 6 * (60 * short + (60 - 25) * layer + (60 - 51) * layer)
    images = 60 * 2 * 16 * 7  # which need no gradient
    assert run.method.measures(run)["training_operations"] == loops.BATCH * (passed - images)


def test_the_optimizer_trains_what_there_is_in_the_order_of_the_model() -> None:
    run = run_of()
    for steps, layers in ((10, 3), (20, 4), (30, 5)):
        train(run, steps)
        held = [p for group in run.optimizer.param_groups for p in group["params"]]
        assert {id(p) for p in held} == {id(p) for p in run.model.parameters()}
        assert len(held) == 2 * layers
        assert set(run.optimizer.state) <= set(held)


@pytest.mark.parametrize("after", [10, 30, 60])
def test_a_resumed_run_is_the_same_bit_for_bit(after: int) -> None:
    whole = train(run_of(), after)
    other = loops.resume(run_of(), whole)
    train(whole, 30)
    train(other, 30)
    assert loops.same(loops.values(other.model), loops.values(whole.model))
    assert other.method.measures(other) == whole.method.measures(whole)


def test_a_run_can_go_back_to_fewer_layers() -> None:
    early, late = train(run_of(), 10), train(run_of(), 60)
    loops.resume(late, early)
    train(early, 50)
    train(late, 50)
    assert loops.same(loops.values(early.model), loops.values(late.model))


def test_more_layers_than_can_come_are_refused() -> None:
    with pytest.raises(CannotTrain, match="the model has 3 layers that can begin"):
        run_of(DeepeningSchedule(layers=4, stop=0.5))


def test_more_layers_than_updates_are_refused() -> None:
    with pytest.raises(CannotTrain, match="CONFIG_NET2DEEPER_STOP or CONFIG_NUM_EPOCHS"):
        run_of(DeepeningSchedule(layers=2, stop=0.01))
