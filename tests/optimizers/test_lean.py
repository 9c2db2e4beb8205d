"""The lean optimizers are torch's own, and only faster."""

import subprocess
import sys
from copy import deepcopy
from typing import Any

import loops
import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from espalier.optimizers.lean import Lean, LeanAdam, LeanSGD
from espalier.optimizers.norms import limit_norm, total_norm

ADAMS: list[dict[str, Any]] = [
    {"decoupled_weight_decay": decoupled, "amsgrad": amsgrad, "weight_decay": 0.1, "eps": 1e-6}
    for decoupled in (False, True)
    for amsgrad in (False, True)
]
SGDS: list[dict[str, Any]] = [
    {"momentum": 0.0},
    {"momentum": 0.9, "weight_decay": 0.1},
    {"momentum": 0.8, "nesterov": True},
    {"momentum": 0.8, "dampening": 0.3, "maximize": True},
]


def pair(kind: str, options: dict[str, Any], lr: float = 0.01) -> Any:
    """Two equal networks, the first with torch's fused optimizer, the second with the lean one."""
    model, other = loops.network(), loops.network()
    theirs = torch.optim.Adam if kind == "adam" else torch.optim.SGD
    ours = LeanAdam if kind == "adam" else LeanSGD
    torchs = theirs(model.parameters(), lr, fused=True, **options)
    return (model, torchs), (other, ours(other.parameters(), lr, **options))


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        loops.backward(model, step)
        optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
        optimizer.step()


def held(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All tensors of the state, in order."""
    return [x for state in optimizer.state.values() for x in state.values()]


ALL = [("adam", options) for options in ADAMS] + [("sgd", options) for options in SGDS]


@pytest.mark.parametrize(("kind", "options"), ALL)
def test_weights_and_state_are_torchs_bit_for_bit(kind: str, options: dict[str, Any]) -> None:
    (model, torchs), (other, lean) = pair(kind, options)
    steps(model, torchs, 0, 50)
    steps(other, lean, 0, 50)
    assert loops.same(loops.values(model), loops.values(other))
    assert loops.same(held(torchs), held(lean))
    assert isinstance(lean, torch.optim.Adam if kind == "adam" else torch.optim.SGD)


@pytest.mark.parametrize(("kind", "options"), [("adam", ADAMS[3]), ("sgd", SGDS[1])])
def test_a_saved_state_goes_from_torchs_to_the_lean_one(kind: str, options: dict[str, Any]) -> None:
    (model, torchs), (other, lean) = pair(kind, options)
    steps(model, torchs, 0, 5)
    other.load_state_dict(model.state_dict())
    lean.load_state_dict(deepcopy(torchs.state_dict()))
    steps(model, torchs, 5, 10)
    steps(other, lean, 5, 10)
    assert loops.same(loops.values(model), loops.values(other))


@pytest.mark.parametrize("build", [LeanAdam, lambda p, lr: LeanSGD(p, lr, momentum=0.5)])
def test_what_has_no_gradient_rests_and_may_join_later(build: Any) -> None:
    early, late = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    optimizer = build([early, late], 0.1)
    early.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(late, torch.ones(3)) and late not in optimizer.state
    early.grad, late.grad = None, torch.ones(3)
    before = early.detach().clone()
    optimizer.step()
    assert torch.equal(early, before)
    assert torch.allclose(late, torch.full((3,), 0.9))  # both step by the rate when they begin


def test_number_formats_may_be_mixed() -> None:
    weights = [torch.ones(2, dtype=d, requires_grad=True) for d in (torch.float32, torch.float64)]
    optimizer = LeanAdam(weights, 0.1)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert [w.tolist() for w in weights] == [pytest.approx([0.9, 0.9])] * 2


def test_parameters_gradients_and_state_may_be_rebound_between_steps() -> None:
    model, other = loops.network(), loops.network()
    straight, moved = LeanAdam(model.parameters(), 0.01), LeanAdam(other.parameters(), 0.01)
    for step in range(6):
        loops.backward(model, step)
        straight.step()
        loops.backward(other, step)
        for p in other.parameters():
            p.data, p.grad = torch.stack([p.data] * 2)[1], torch.stack([p.grad, p.grad])[1]
            moved.state[p] = {k: torch.stack([x] * 2)[1] for k, x in moved.state[p].items()}
        moved.step()
    assert loops.same(loops.values(model), loops.values(other))


def test_zero_grad_frees_gradients_or_zeroes_them() -> None:
    weight = torch.ones(2, requires_grad=True)
    weight.grad = kept = torch.ones(2)
    optimizer = LeanAdam([weight], 0.1)
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad is kept and kept.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert weight.grad is None


def test_hooks_for_all_optimizers_and_changed_arguments_are_seen() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = LeanAdam([weight], 0.1)
    losses: list[float] = []
    optimizer.register_step_pre_hook(lambda *_: ((optimizer, lambda: losses.append(1.0)), {}))
    handle = register_optimizer_step_post_hook(lambda *_: losses.append(2.0))
    optimizer.step()
    handle.remove()
    optimizer.step()
    assert losses == [1.0, 2.0, 1.0]


def test_a_profiler_sees_the_step() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = LeanAdam([weight], 0.1)
    weight.grad = torch.ones(2)
    with torch.autograd.profiler.profile() as profile:
        optimizer.step()
    assert "Optimizer.step#LeanAdam.step" in {event.name for event in profile.function_events}


@pytest.mark.parametrize("build", [LeanAdam, lambda p, lr: LeanSGD(p, lr, momentum=0.5)])
def test_a_grad_scaler_skips_steps_with_infinite_gradients(build: Any) -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer, scaler = build([weight], 0.1), torch.amp.GradScaler("cpu", init_scale=4.0)
    values = []
    for gradient in (1.0, float("inf"), 1.0):
        weight.grad = None
        scaler.scale((weight * gradient).sum()).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        values.append(weight[0].item())
    assert values[0] == values[1] == pytest.approx(0.9)
    assert values[2] < 0.85
    assert float(optimizer.state[weight].get("step", 2)) == 2


def test_norms_are_torchs() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(n, requires_grad=True) for n in (3, 50, 700)]
    for limit in (0.5, 1e6):
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        copies = [w.detach().clone().requires_grad_() for w in weights]
        for copy, weight in zip(copies, weights, strict=True):
            copy.grad = weight.grad.clone()
        norm = total_norm([w.grad for w in weights])
        assert torch.equal(norm, torch.nn.utils.clip_grad_norm_(copies, limit))
        limit_norm(weights, limit)
        assert loops.same([w.grad for w in weights], [c.grad for c in copies])


def test_a_norm_of_nothing_is_not_limited() -> None:
    limit_norm([torch.ones(1, requires_grad=True)], 1.0)


EVERY_OPTIMIZER = """
import sys, torch
from espalier.core import component
from espalier.core.contracts import Optimizer
for name in component.names("optimizer"):
    model = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(3)))
    optimizer = component.find("optimizer", name, Optimizer)().build(model, 0.1)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    for _ in range(2):
        optimizer.zero_grad()
        torch.autograd.backward(scaler.scale(model(torch.ones(1, 2)).sum()))
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    optimizer.zero_grad(set_to_none=False)
    optimizer.load_state_dict(optimizer.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_no_optimizer_imports_dynamo() -> None:
    subprocess.run([sys.executable, "-c", EVERY_OPTIMIZER], check=True)


def test_the_update_is_up_to_the_subclass() -> None:
    weight = torch.ones(1, requires_grad=True)
    with pytest.raises(TypeError, match="abstract method"):
        Lean([weight], {})  # type: ignore[abstract]


@pytest.mark.parametrize("options", ADAMS)
def test_a_parameter_that_sits_a_step_out_counts_its_own_steps(options: dict[str, Any]) -> None:
    (plain, torchs), (other, lean) = pair("adam", options)
    for step in range(20):
        for model, optimizer in ((plain, torchs), (other, lean)):
            loops.backward(model, step)
            if step in (4, 5, 11):
                next(model.parameters()).grad = None
            optimizer.step()
    assert loops.same(loops.values(plain), loops.values(other))
    assert loops.same(held(torchs), held(lean))


@pytest.mark.parametrize(("kind", "options"), ALL)
def test_the_bound_update_is_the_step(kind: str, options: dict[str, Any]) -> None:
    (plain, torchs), (other, lean) = pair(kind, options)
    for parameter in (*plain.parameters(), *other.parameters()):  # gradients that stay in place
        parameter.grad = torch.zeros_like(parameter)
    update = lean.bind()
    for step in range(20):
        for model, optimizer in ((plain, torchs), (other, lean)):
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            fresh = torch.autograd.grad(loss_of(model, step), list(model.parameters()))
            torch._foreach_copy_([p.grad for p in model.parameters()], fresh)
        torchs.step()
        with torch.no_grad():
            update()
    assert loops.same(loops.values(plain), loops.values(other))
    assert loops.same(held(torchs), held(lean))


def loss_of(model: nn.Module, step: int) -> Tensor:
    x, y = loops.batch(step)
    return torch.nn.functional.cross_entropy(model(x), y)


def test_a_bound_update_calls_hooks_that_are_there_when_it_is_made() -> None:
    model, calls = loops.network(), []
    lean = LeanSGD(model.parameters(), 0.1)
    lean.register_step_post_hook(lambda *args: calls.append("post"))
    loops.backward(model, 0)
    lean.bind()()
    assert calls == ["post"]
