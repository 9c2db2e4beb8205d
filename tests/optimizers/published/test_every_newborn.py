"""Newborn rows under each optimizer here, against a fresh one that gets the same gradients."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import Optimizer
from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of

BORN = torch.tensor([1, 3])
NAMES = ("adafactor", "lion", "muon", "schedulefree", "soap")
EXACT = {"lion": ("2.weight", "2.bias"), "schedulefree": ("2.weight", "2.bias")}
EXACT |= {"muon": ("2.bias",), "soap": ("2.bias",)}  # of what AdamW trains
FIELDS: dict[str, dict[str, Any]] = {"muon": {"adam_rate": 0.5}, "schedulefree": {"warmup": 5}}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)
    ).double()


def built(name: str, model: nn.Module) -> torch.optim.Optimizer:
    spec = component.find("optimizer", name, Optimizer)(**FIELDS.get(name, {}))
    return spec.build(model, 0.01)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    for place, p in enumerate(model.parameters()):
        generator = torch.Generator().manual_seed(100 * number + place)
        p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
    optimizer.step()


def born(name: str) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    """A network after 30 updates, with rows born in its second layer."""
    model = network()
    optimizer = built(name, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        restarts = restart_of(optimizer)
    for number in range(30):
        step(model, optimizer, number)
        restarts.after_step()
    for parameter in (model[2].weight, model[2].bias):
        with torch.no_grad():
            parameter[BORN] = 0.1
        optimizer_state.reset_slices(optimizer, parameter, 0, BORN, zero=True)
        restarts.note(parameter, 0, BORN)
    return model, optimizer, restarts


@pytest.mark.parametrize("name", NAMES)
def test_newborn_rows_train_as_under_a_fresh_one_where_elements_are_by_themselves(
    name: str,
) -> None:
    model, optimizer, restarts = born(name)
    twin = network()
    twin.load_state_dict(model.state_dict())
    fresh = built(name, twin)
    for number in range(30, 50):
        step(model, optimizer, number)
        restarts.after_step()
        step(twin, fresh, number)
    pairs = dict(model.named_parameters()), dict(twin.named_parameters())
    for which in EXACT.get(name, ()):
        ours, theirs = (parameters[which].detach()[BORN] for parameters in pairs)
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-6), which  # updates are of 0.01
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_momentum_of_newborn_rows_is_0_and_of_others_is_kept(name: str) -> None:
    model, optimizer, _ = born(name)
    weight = model[2].weight  # type: ignore[union-attr]
    momenta = [
        x
        for key, x in optimizer.state[weight].items()  # type: ignore[index]
        if key in ("exp_avg", "momentum_buffer")
    ]
    assert len(momenta) == (name not in ("adafactor", "schedulefree"))
    for momentum in momenta:
        rows: Tensor = momentum.abs().sum(1)
        assert (rows == 0).tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_that_grows_goes_on_training(name: str) -> None:
    model, optimizer, restarts = born(name)
    source = torch.tensor([0, 1, 2, 3, 4, -1])
    for parameter, dim in ((model[2].weight, 0), (model[2].bias, 0), (model[4].weight, 1)):
        optimizer_state.rebuild(optimizer, parameter, dim, source)
        restarts.follow(parameter, dim, source)
        restarts.note(parameter, dim, torch.tensor([5]))
    before = model[2].weight.detach().clone()
    for number in range(50, 55):
        step(model, optimizer, number)
        restarts.after_step()
    assert (model[2].weight.detach()[5] != before[5]).any()
    assert all(p.isfinite().all() for p in model.parameters())
