"""The contract of every optimizer component."""

import dataclasses
from typing import Any

import loops
import pytest
import torch
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Optimizer, Switching
from espalier.core.paths import LIBRARY
from espalier.core.trees.tree_layout import ROOMS, fragments
from espalier.methods.none import NoPruning
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.sgd import SGD

NAMES = component.names("optimizer")
RATES = {"muon": 0.2, "schedulefree": 0.1}  # updates of one size; an average that lags behind
OURS = {path.stem for path in fragments(LIBRARY / ROOMS["optimizer"])}


def spec(name: str, **fields: Any) -> Optimizer:
    return component.find("optimizer", name, Optimizer)(**fields)


class Bowl(nn.Module):
    """The mean of three quadratics with their minimum, 0, at (1, -2).

    Three, as some optimizers train the first and the last matrix otherwise.
    """

    def __init__(self) -> None:
        super().__init__()
        points = [nn.Parameter(torch.tensor([[3.0, 3.0]])) for _ in range(3)]
        self.points = nn.ParameterList(points)

    def forward(self) -> torch.Tensor:
        sums = [((point - torch.tensor([[1.0, -2.0]])) ** 2).sum() for point in self.points]
        return torch.stack(sums).mean()


@pytest.mark.parametrize("name", NAMES)
def test_lowers_a_quadratic_in_200_steps(name: str) -> None:
    """From 29 to 0.1; one of a tree outside by a third, as some divide by all past gradients."""
    bowl = Bowl()
    optimizer = spec(name).build(bowl, RATES.get(name, 0.05))
    for _ in range(200):
        optimizer.zero_grad()
        loss = bowl()
        loss.backward()
        optimizer.step()
    if isinstance(optimizer, Switching):
        optimizer.eval()
    assert bowl().item() < (0.1 if name in OURS else 29.0 * 2 / 3)


@pytest.mark.parametrize("name", NAMES)
def test_is_deterministic_and_goes_on_from_its_state(name: str) -> None:
    straight = loops.train(loops.run_of(spec(name), NoPruning()), 20)
    first = loops.train(loops.run_of(spec(name), NoPruning()), 12)
    second = loops.run_of(spec(name), NoPruning())
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.step = 12
    loops.train(second, 8)
    assert loops.same(loops.values(straight.model), loops.values(second.model))


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_leaves_biases_and_normalisation_alone(name: str) -> None:
    if "weight_decay" not in {item.name for item in dataclasses.fields(spec(name))}:
        pytest.skip(f"{name} has no weight decay")
    model = loops.network()
    before = loops.values(model)
    optimizer = spec(name, weight_decay=0.5).build(model, 0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for _ in range(2):  # some only look at the first gradient
        optimizer.step()
    for old, new in zip(before, loops.values(model), strict=True):
        assert torch.equal(old, new) == (old.ndim <= 1 or not old.any())


@pytest.mark.parametrize("name", NAMES)
def test_a_closure_is_evaluated_with_gradients_and_its_loss_returned(name: str) -> None:
    bowl = Bowl()
    optimizer = spec(name).build(bowl, 0.1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = bowl()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 29.0
    optimizer.step(closure)
    assert bowl().item() < 29.0


@pytest.mark.parametrize("name", NAMES)
def test_a_users_hooks_run_once_a_step(name: str) -> None:
    torch.optim.Adam([torch.ones(1, requires_grad=True)])  # torch wraps Adam.step on construction
    bowl = Bowl()
    optimizer = spec(name).build(bowl, 0.1)
    calls: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    bowl().backward()
    optimizer.step()
    assert calls == ["before", "after"]


def test_groups_leave_out_frozen_parameters_and_empty_groups() -> None:
    layer = nn.Linear(2, 2)
    assert [g["weight_decay"] for g in decay_groups(layer.parameters(), 0.3)] == [0.3, 0.0]
    layer.bias.requires_grad = False
    assert [len(g["params"]) for g in decay_groups(layer.parameters(), 0.3)] == [1]


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(CannotTrain, match="raise CONFIG_SGD_MOMENTUM"):
        SGD(momentum=0.0, nesterov=True).build(nn.Linear(1, 1), 0.1)
