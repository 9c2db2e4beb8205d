"""Each guard against spikes, alone and by hand."""

import math
from typing import Any

import pytest
import torch

from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam

OFF = {
    "enable_clip": False,
    "theta": None,
    "spike_threshold": 1e9,
    "periodic_reset": False,
    "interval": None,
    "warmup": None,
    "warmup_steps": None,
}


def optimizer(**settings: Any) -> tuple[torch.Tensor, GuardedAdam]:
    weight = torch.zeros(1, 2, requires_grad=True)
    return weight, GuardedAdam([weight], 0.1, spam=Spam(**{**OFF, **settings}))


def step(weight: torch.Tensor, opt: GuardedAdam, *gradient: float) -> None:
    weight.grad = torch.tensor([gradient])
    opt.step()


def test_all_guards_off_is_adam() -> None:
    weight, opt = optimizer()
    other = torch.zeros(1, 2, requires_grad=True)
    adam = torch.optim.Adam([other], 0.1, fused=True)
    for i in range(30):
        step(weight, opt, 1.0 + i % 3, -1.0)
        other.grad = torch.tensor([[1.0 + i % 3, -1.0]])
        adam.step()
    assert torch.equal(weight, other)


def test_elements_are_clipped_to_theta_times_their_second_moment() -> None:
    weight, opt = optimizer(enable_clip=True, theta=4.0)
    step(weight, opt, 1.0, 0.0)  # no second moment yet: not clipped
    v = float(opt.state[weight]["exp_avg_sq"][0, 0])
    assert v == pytest.approx(0.001)
    step(weight, opt, -9.0, 5.0)
    assert weight.grad is not None
    assert weight.grad.tolist()[0] == pytest.approx([-math.sqrt(4 * v), 5.0])  # 5: v is still 0
    step(weight, opt, 0.01, 0.0)
    assert float(weight.grad[0, 0]) == pytest.approx(0.01)


def test_a_spike_of_the_norm_damps_the_moments_once_ten_norms_are_known() -> None:
    weight, opt = optimizer(spike_threshold=2.0)
    plain_weight, plain = optimizer()
    for i in range(10):
        for w, o in ((weight, opt), (plain_weight, plain)):
            step(w, o, 1.0 + i % 2, 1.0)
    before = {k: opt.state[weight][k].clone() for k in ("exp_avg", "exp_avg_sq")}
    assert torch.equal(before["exp_avg"], plain.state[plain_weight]["exp_avg"])
    step(weight, opt, 100.0, 100.0)
    state = opt.state[weight]
    expected = 0.5 * before["exp_avg"] * 0.9 + 0.1 * 100
    assert torch.allclose(state["exp_avg"], expected)
    assert torch.allclose(state["exp_avg_sq"], 0.9 * before["exp_avg_sq"] * 0.999 + 10.0)


def test_the_moments_start_afresh_every_interval_and_steps_are_counted_once() -> None:
    weight, opt = optimizer(periodic_reset=True, interval=5, warmup=False)
    counts = []
    for _ in range(12):
        step(weight, opt, 1.0, 1.0)
        counts.append(int(opt.state[weight]["step"]))
    assert counts == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]


def test_the_rate_warms_up_after_a_reset_and_the_groups_own_rate_never_changes() -> None:
    weight, opt = optimizer(periodic_reset=True, interval=6, warmup=True, warmup_steps=3)
    assert opt.guard is not None
    rates = []
    for _ in range(14):
        step(weight, opt, 1.0, 1.0)
        rates.append(opt.guard.rate())
        assert opt.param_groups[0]["lr"] == 0.1
    half = [0.5 * (1 - math.cos(math.pi * k / 4)) for k in (1, 2, 3)]
    assert rates == pytest.approx([1.0] * 6 + half + [1.0] * 3 + half[:2])


def test_the_rate_of_a_warm_up_reaches_the_update() -> None:
    weight, opt = optimizer(periodic_reset=True, interval=2, warmup=True, warmup_steps=1)
    step(weight, opt, 1.0, 1.0)
    step(weight, opt, 1.0, 1.0)
    before = weight.detach().clone()
    step(weight, opt, 1.0, 1.0)  # the moments are fresh, so Adam's step is 0.1, and half of it 0.05
    assert torch.allclose(before - weight, torch.full((1, 2), 0.05), atol=1e-6)


def test_the_norm_is_limited_after_the_guards() -> None:
    weight = torch.zeros(1, 2, requires_grad=True)
    opt = GuardedAdam([weight], 0.1, clip_norm=1.0)
    step(weight, opt, 3.0, 4.0)
    assert weight.grad is not None
    assert weight.grad.tolist()[0] == pytest.approx([0.6, 0.8], rel=1e-5)
