"""At what rate an optimizer updates: told by ours, known of torch's, and never guessed."""

import pytest
import torch
from torch import nn

from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.surgery.per_slice_restart import Restarts
from espalier.surgery.update_rates import UpdateRates, rates_of


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


def test_an_optimizer_that_tells_nothing_is_refused():
    class Silent(torch.optim.Adam):
        pass

    with pytest.raises(TypeError, match=r"^Silent: .* give it `rate_multipliers` and `effective"):
        Restarts(Silent([parameter()], 0.1))
