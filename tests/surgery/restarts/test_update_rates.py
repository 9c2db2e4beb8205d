"""At what rate an optimizer updates: told by ours, known of torch's, and never guessed."""

import pytest
import torch
from torch import nn

from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.surgery.restarts.update_rates import UpdateRates, rates_of


def parameter():
    return nn.Parameter(torch.ones(2))


@pytest.mark.parametrize("kind", [LeanAdam, LeanSGD])
def test_ours_tell_their_rates_themselves(kind):
    optimizer = kind([parameter()], 0.1)
    assert isinstance(optimizer, UpdateRates)
    assert rates_of(optimizer) is optimizer
    assert optimizer.effective_lr(0.1) == 0.1 and dict(optimizer.rate_multipliers) == {}


def test_multipliers_of_one_optimizer_are_not_those_of_another():
    first, other = (LeanAdam([parameter()], 0.1) for _ in range(2))
    first.rate_multipliers = {first.param_groups[0]["params"][0]: 0.5}
    assert dict(other.rate_multipliers) == {}


def test_torchs_own_are_adapted_once_each():
    first, other = (torch.optim.Adam([parameter()], 0.1) for _ in range(2))
    rates_of(first).rate_multipliers = {first.param_groups[0]["params"][0]: 0.5}
    assert list(rates_of(first).rate_multipliers.values()) == [0.5]
    assert dict(rates_of(other).rate_multipliers) == {}
    assert rates_of(first).effective_lr(0.1) == 0.1


def test_a_class_of_ones_own_has_the_rates_of_its_groups():
    class Silent(torch.optim.Adam):
        pass

    optimizer = Silent([parameter()], 0.1)
    assert rates_of(optimizer).effective_lr(0.1) == 0.1


@pytest.mark.parametrize("kind", [torch.optim.Adam, LeanAdam])
def test_a_schedule_that_steps_first_does_not_change_what_the_last_update_used(kind):
    p = parameter()
    optimizer = kind([p], lr=torch.tensor(0.1))
    p.grad = torch.ones(2)
    rates = rates_of(optimizer)
    group = optimizer.param_groups[0]
    optimizer.step()
    group["lr"].fill_(0.01)
    group["betas"] = (0.5, 0.6)
    settings = rates.last_settings(group)
    assert float(settings["lr"]) == pytest.approx(0.1) and settings["betas"] == (0.9, 0.999)


def test_an_update_that_was_bound_has_the_settings_that_its_group_has():
    p = parameter()
    optimizer = LeanAdam([p], 0.1)
    p.grad = torch.ones(2)
    optimizer.step()
    update = optimizer.bind()
    optimizer.param_groups[0]["lr"] = 0.01
    update()
    assert optimizer.last_settings(optimizer.param_groups[0])["lr"] == 0.01
