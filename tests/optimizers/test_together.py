"""Updates in one call are the updates of single calls, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from espalier.kconfig.config_dataclass import with_defaults
from espalier.optimizers.adamwprune import AdamWPrune
from espalier.optimizers.guards.spam import Spam
from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.optimizers.together import combine_steps

STEPS = 5


def optimizers(settings: list[dict[str, Any]]) -> list[LeanAdam]:
    torch.manual_seed(0)
    optimizers = []
    for options in settings:
        weight, bias = torch.randn(7, 5), torch.randn(7)
        groups = [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}]
        optimizers.append(LeanAdam(groups, **{"lr": 0.1, "weight_decay": 0.1, **options}))
    return optimizers


def trained_by(optimizer: LeanAdam) -> list[torch.Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def stepped(every: list[LeanAdam], updates: list[Any]) -> list[torch.Tensor]:
    parameters = [p for optimizer in every for p in trained_by(optimizer)]
    for p in parameters:
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad  # what is ready holds on to it
    for step in range(STEPS):
        for place, p in enumerate(parameters):
            p.grad.copy_((p + step + place).sin())
        for update in updates:
            update()
    states = [optimizer.state[p] for optimizer in every for p in trained_by(optimizer)]
    return [*parameters, *(value for state in states for value in state.values())]


@pytest.mark.parametrize(
    "settings",
    [
        [{}, {}, {}],
        [{"decoupled_weight_decay": True}] * 2,
        [{"lr": 0.1}, {"lr": 0.2}],
        [{}, {"decoupled_weight_decay": True}],
        [{"amsgrad": True}, {}],
        [{"amsgrad": True}] * 2,
    ],
    ids=str,
)
def test_one_call_is_as_many(settings: list[dict[str, Any]]) -> None:
    alone, joined = optimizers(settings), optimizers(settings)
    single = stepped(alone, [optimizer.step for optimizer in alone])
    merged = combine_steps(joined)
    assert len(merged) == 1
    assert all(map(torch.equal, single, stepped(joined, merged)))


def test_rates_may_change_between_steps() -> None:
    alone, joined = optimizers([{}, {}]), optimizers([{}, {}])
    merged = combine_steps(joined)
    stepped(alone, [optimizer.step for optimizer in alone])
    stepped(joined, merged)
    for every in (alone, joined):
        every[1].param_groups[0]["lr"] = 0.01
    again = stepped(alone, [optimizer.step for optimizer in alone])
    assert all(map(torch.equal, again, stepped(joined, merged)))


def test_others_step_by_themselves() -> None:
    weights = [torch.randn(3, requires_grad=True) for _ in range(2)]
    assert len(combine_steps([LeanSGD([w], lr=0.1) for w in weights])) == 2
    hooked = [LeanAdam([w], lr=0.1) for w in weights]
    hooked[0].register_step_post_hook(lambda *_: None)
    assert len(combine_steps(hooked)) == 2
    assert len(combine_steps([LeanAdam([weights[0]], lr=0.1)])) == 1


def guarded(trials: int, rates: list[float]) -> list[AdamWPrune]:
    torch.manual_seed(0)
    every = []
    for k in range(trials):
        weight, bias = torch.randn(7, 5), torch.randn(7)
        groups = [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}]
        spam = with_defaults(Spam, interval=3, warmup_steps=2, theta=2.0)
        base = {"base": "adamwspam", "spam": spam} if k % 2 else {}
        every.append(AdamWPrune(groups, rates[k], **base))
    return every


def test_optimizers_with_work_before_and_after_their_kernels_share_them_too() -> None:
    rates = [0.1, 0.1, 0.1, 0.2]
    alone, joined = guarded(4, rates), guarded(4, rates)
    single = stepped(alone, [optimizer.step for optimizer in alone])
    merged = combine_steps(joined)
    assert len(merged) == 1
    assert all(map(torch.equal, single, stepped(joined, merged)))
    assert [optimizer.updates for optimizer in joined] == [STEPS] * 4


def test_calls_are_as_many_as_there_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    fused = torch._fused_adam_
    monkeypatch.setattr(
        torch, "_fused_adam_", lambda *a, **k: calls.append(len(a[0])) or fused(*a, **k)
    )
    joined = optimizers([{"lr": rate} for rate in (0.1, 0.2, 0.1, 0.2, 0.2)])
    (update,) = combine_steps(joined)
    stepped(joined, [update])
    assert calls == [2, 3, 2, 3] * STEPS  # weights by rate, then biases by rate


def test_a_class_that_steps_in_a_way_of_its_own_steps_by_itself() -> None:
    class Twice(LeanAdam):
        def _update(self) -> None:
            super()._update()
            super()._update()

    weights = [torch.randn(3, requires_grad=True) for _ in range(2)]
    assert len(combine_steps([Twice([w], lr=0.1) for w in weights])) == 2
