"""Taking back whatever happened to a network and its optimizer."""

import copy

import pytest
import torch
from surgery_bodies import mlp, step, trained
from torch import nn

from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam
from espalier.surgery import birth, optimizer_state, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.rollback import Rollback


def held(model: nn.Module, optimizer) -> str:
    """All numbers, as text."""
    return repr(
        [[(n, t.tolist()) for n, t in model.state_dict().items()], _plain(optimizer.state_dict())]
    )


def _plain(value):
    if torch.is_tensor(value):
        return value.tolist()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def test_a_widened_pair_is_as_narrow_as_before_and_trains_on_the_same() -> None:
    torch.manual_seed(0)
    model, x, optimizer = trained(mlp)
    restarts = restart_of(optimizer)
    site = EditContext(find_pairs(model)[0], optimizer, restarts=restarts)
    twins = copy.deepcopy((model, optimizer.state_dict()))
    before, objects = held(model, optimizer), [id(p) for p in model.parameters()]
    back = Rollback(model, optimizer, restarts)
    for _ in range(2):
        birth.fresh(site, resize.widen(site, 4), torch.Generator().manual_seed(0))
        step(model, x, optimizer)
        restarts.after_step()
        assert held(model, optimizer) != before
        back.restore()
        assert held(model, optimizer) == before
        assert [id(p) for p in model.parameters()] == objects
        assert all(p.grad is None for p in model.parameters())
        assert model[1].out_features == 32 and restarts.state_dict()["births"] == {}
    twin = type(optimizer)(twins[0].parameters())
    twin.load_state_dict(twins[1])
    torch.manual_seed(1)
    step(model, x, optimizer)
    torch.manual_seed(1)
    step(twins[0], x, twin)
    assert held(model, optimizer) == held(twins[0], twin)


def test_modules_and_groups_that_were_added_are_gone() -> None:
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    before, back = held(model, optimizer), Rollback(model, optimizer)
    model[0].bias = nn.Parameter(torch.zeros(2))
    optimizer_state.add_param_like(optimizer, model[0].bias, model[0].weight)
    model.append(nn.Linear(2, 2))
    for parameter in model[1].parameters():
        optimizer_state.add_param(optimizer, parameter, model[0].weight)
    model[0].note = "new"
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    back.restore()
    assert held(model, optimizer) == before
    assert len(model) == 1 and model[0].bias is None and not hasattr(model[0], "note")
    assert len(optimizer.state) == 1


def test_the_state_that_an_optimizer_keeps_for_itself_comes_back() -> None:
    model = nn.Linear(3, 2)
    spam = Spam()
    optimizer = GuardedAdam(model.parameters(), 0.01, spam=spam)

    def update() -> None:
        optimizer.zero_grad()
        model(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()

    update()
    before, back = held(model, optimizer), Rollback(model, optimizer)
    update()
    back.restore()
    assert held(model, optimizer) == before
    assert optimizer.guard is not None and optimizer.guard.steps == 1


def test_parameters_join_and_leave_the_groups_of_others() -> None:
    first, second, third = (nn.Parameter(torch.zeros(n, n)) for n in (1, 2, 3))
    optimizer = torch.optim.Adam([{"params": [first]}, {"params": [second], "lr": 1.0}])
    optimizer_state.add_param(optimizer, third, second)
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 2]
    optimizer_state.sort_params(optimizer, [third, second, first])
    assert [p.numel() for p in optimizer.param_groups[1]["params"]] == [9, 4]
    third.grad = torch.ones(3, 3)
    optimizer.step()
    optimizer_state.remove_param(optimizer, third)
    assert [p.numel() for p in optimizer.param_groups[1]["params"]] == [4]
    assert len(optimizer.state) == 0


@pytest.mark.parametrize("shape", [(2, 3), (4, 1)])
def test_numbers_of_any_shape_are_put_back(shape) -> None:
    parameter = nn.Parameter(torch.zeros(2, 3))
    parameter.grad = torch.ones(2, 3)
    optimizer_state.replace_data(parameter, torch.full(shape, 5.0))
    assert parameter.shape == shape and parameter.grad is None and bool((parameter == 5).all())
