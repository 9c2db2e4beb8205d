"""Multipliers act on what an optimizer does, of any model, and on nothing else."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from espalier.core.birth_record import GrowthEvent
from espalier.core.contracts import CannotTrain, Method, Run
from espalier.core.samples import Split
from espalier.optimizers.adam import Adam
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.sgd import SGD
from espalier.rates.by_age import Dual, Warmup
from espalier.rates.by_depth import Cascade, Freezing
from espalier.rates.by_event import Differential
from espalier.rates.by_norm import Density, Lars
from espalier.rates.composing import MultiplierBounds
from espalier.rates.layers import find_layers
from espalier.rates.rate_options import RatePlan
from espalier.rates.scaling import UpdateScale
from espalier.surgery.restarts.per_slice_restart import restart_of

WIDE = MultiplierBounds(0.0, 1e6)
OPTIMIZERS = {"adam": Adam(), "adamw": AdamW(), "sgd": SGD(momentum=0.9, weight_decay=0.1)}


@dataclasses.dataclass(frozen=True)
class Grown(Method):
    """Every second weight of a layer's matrix was born after update `step`."""

    step: int = 0

    def birth_record(self, run):
        return Odd(self.step, run)


@dataclasses.dataclass(frozen=True)
class Odd:
    step: int
    run: Run

    def birth_steps(self, parameter):
        if parameter.ndim == 1:
            return None
        odd = torch.arange(parameter.numel()).view_as(parameter) % 2
        return (odd * self.step).int()

    def growths(self):
        return [GrowthEvent(self.step, ("2",))] if self.run.step >= self.step > 0 else []


def net(norm=False):
    torch.manual_seed(0)
    middle = nn.BatchNorm1d(6) if norm else nn.Identity()
    return nn.Sequential(nn.Linear(4, 6), middle, nn.ReLU(), nn.Linear(6, 5), nn.Linear(5, 3))


def run_of(optimizer="adam", method=None, model=None, epochs=10):
    model = model or net()
    generator = torch.Generator().manual_seed(1)
    data = Split(torch.randn(40, 4, generator=generator), torch.arange(40) % 3)
    made = OPTIMIZERS[optimizer].build(model, 0.01)
    return Run(model, made, method or Method(), data, data, epochs, 40, {})


def step(run, scale=None, zero=False):
    if scale:
        scale.prepare()
    run.model.train()
    run.optimizer.zero_grad()
    loss = nn.functional.cross_entropy(run.model(run.train.x), run.train.y)
    (loss * (0.0 if zero else 1.0)).backward()
    run.method.after_backward(run)
    if scale:
        scale.before()
    run.optimizer.step()
    if scale:
        scale.after()
    run.step += 1


def values(model):
    return [p.detach().clone() for p in model.parameters()]


def moved(run, scale=None, steps=1):
    """What the last of `steps` updates did to each parameter."""
    for _ in range(steps - 1):
        step(run, scale)
    before = values(run.model)
    step(run, scale)
    return [new - old for old, new in zip(before, values(run.model), strict=True)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_layer_moves_by_its_share(optimizer):
    plain = moved(run_of(optimizer))
    run = run_of(optimizer)
    scaled = moved(run, UpdateScale(run, [Cascade(0.5)], WIDE))
    for i, factor in enumerate([0.25, 0.25, 0.5, 0.5, 1.0, 1.0]):
        torch.testing.assert_close(scaled[i], factor * plain[i], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_patches_move_five_times_as_far_as_the_scaffold(optimizer):
    plain = moved(run_of(optimizer, Grown(3)))
    run = run_of(optimizer, Grown(3))
    scaled = moved(run, UpdateScale(run, [Dual(0.1, 0.5)], WIDE))
    ratio = scaled[0] / plain[0]
    odd = (torch.arange(24).view(6, 4) % 2).bool()
    usable = plain[0].abs() > 1e-4
    realised = ratio[odd & usable].mean() / ratio[~odd & usable].mean()
    assert float(realised) == pytest.approx(5.0, rel=0.05)
    assert float(ratio[odd & usable].mean()) == pytest.approx(0.5, rel=0.01)


def test_under_a_fresh_adam_the_sizes_themselves_are_five_to_one():
    """Where scaling the gradient would leave them equal."""
    run = run_of("adam", Grown(3))
    scaled = moved(run, UpdateScale(run, [Dual(0.1, 0.5)], WIDE))[0].abs()
    odd = (torch.arange(24).view(6, 4) % 2).bool()
    seen = scaled > 1e-6  # the others had no gradient
    assert float(scaled[odd & seen].mean() / scaled[~odd & seen].mean()) == pytest.approx(5, 0.05)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_frozen_layers_do_not_change_by_a_bit(optimizer):
    run = run_of(optimizer, model=net(norm=True))
    scale = UpdateScale(run, [Freezing(0.3)], WIDE)
    for _ in range(4):
        step(run, scale)
    first = [
        t.clone() for module in run.model[:2] for t in (*module.parameters(), *module.buffers())
    ]
    head = run.model[4].weight.clone()
    for _ in range(3):
        step(run, scale)
    after = run.model[:2].state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(first, after, strict=True))
    assert not torch.equal(run.model[4].weight, head)
    second = run.model[3].weight.clone()
    step(run, scale)  # the eighth: the second layer freezes after 6.5 of 10
    assert torch.equal(run.model[3].weight, second)


def test_running_statistics_of_layers_that_train_go_on():
    run = run_of(model=net(norm=True))
    scale = UpdateScale(run, [Freezing(0.3)], WIDE)
    before = run.model[1].running_mean.clone()
    step(run, scale)
    assert not torch.equal(run.model[1].running_mean, before)


def test_only_newborn_weights_ramp():
    plain = moved(run_of("sgd", Grown(2)), steps=4)
    run = run_of("sgd", Grown(2))
    scale = UpdateScale(run, [Warmup(10)], WIDE)
    for _ in range(3):
        step(run)
    before = values(run.model)[0]
    step(run, scale)  # update 4, the second after the birth
    odd = (torch.arange(24).view(6, 4) % 2).bool()
    expected = torch.where(odd, 0.2, 1.0) * plain[0]
    torch.testing.assert_close(values(run.model)[0] - before, expected, rtol=1e-4, atol=1e-7)


def test_lars_moves_each_matrix_by_the_ratio_of_its_norms():
    run = run_of("sgd")
    before, scale = values(run.model), UpdateScale(run, [Lars(0.01)], WIDE)
    step(run, scale)
    weight, gradient = before[0], run.model[0].weight.grad
    local = 0.01 * weight.norm() / (gradient.norm() + 0.1 * weight.norm())
    expected = -0.01 * local * (gradient + 0.1 * weight)
    torch.testing.assert_close(run.model[0].weight - weight, expected, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_nothing_is_nan_without_gradients_or_weights(optimizer):
    model = net()
    nn.init.zeros_(model[3].weight)
    run = run_of(optimizer, Grown(1), model)
    every = [Cascade(), Freezing(), Dual(), Warmup(), Differential(), Lars(), Density()]
    scale = UpdateScale(run, every, WIDE)
    for zero in (True, False, True):
        step(run, scale, zero)
    assert all(bool(p.isfinite().all()) for p in run.model.parameters())


def test_going_on_from_a_saved_state_is_exact():
    def saved(run):
        return {
            "model": {k: v.clone() for k, v in run.model.state_dict().items()},
            "optimizer": copy.deepcopy(run.optimizer.state_dict()),
            "step": run.step,
        }

    every = [Cascade(), Freezing(0.3), Warmup(5), Differential(recovery=5), Lars()]
    run = run_of("adam", Grown(3), net(norm=True))
    scale = UpdateScale(run, every, WIDE)
    for _ in range(5):
        step(run, scale)
    state = saved(run)
    other = run_of("adam", Grown(3), net(norm=True))
    other.model.load_state_dict(state["model"])
    other.optimizer.load_state_dict(state["optimizer"])
    other.step = state["step"]
    again = UpdateScale(other, every, WIDE)
    for _ in range(3):
        step(run, scale)
        step(other, again)
    pairs = zip(run.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_parameters_that_come_later_are_found():
    run = run_of("sgd")
    scale = UpdateScale(run, [Cascade(0.5)], WIDE)
    step(run, scale)
    run.model.append(nn.Linear(3, 3))
    run.optimizer.add_param_group({"params": list(run.model[5].parameters())})
    step(run, scale)
    assert run.optimizer.rate_multipliers[run.model[5].weight] == 1.0
    assert run.optimizer.rate_multipliers[run.model[4].weight] == 0.5


def test_newborns_under_adam_are_corrected_by_the_same_share():
    """A `Restart` makes the update of a newborn weight that of a fresh Adam, afterwards."""

    def trained(factor):
        run = run_of("adam")
        scale = UpdateScale(run, [Dual(factor, factor)], WIDE) if factor != 1 else None
        restarts = restart_of(run.optimizer)
        for _ in range(5):
            step(run)
            restarts.after_step()
        weight = run.model[0].weight
        with torch.no_grad():
            weight[0] = 0.0
            for name in ("exp_avg", "exp_avg_sq"):
                run.optimizer.state[weight][name][0] = 0.0
        restarts.note(weight, 0, torch.tensor([0]))
        before = weight.detach().clone()
        step(run, scale)
        restarts.after_step()
        return (weight.detach() - before)[0]

    torch.testing.assert_close(trained(0.25), 0.25 * trained(1), rtol=1e-4, atol=1e-8)


def test_layers_are_counted_in_the_order_of_modules():
    model = net(norm=True)
    layers = find_layers(model)
    assert [layers.depth[p] for p in model.parameters()] == [0, 0, 0, 0, 1, 1, 2, 2]
    assert layers.count == 3
    assert (layers.places["1"], layers.places["3"], layers.places["4"]) == (0, 1, 2)
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    assert find_layers(tied).depth[tied[1].weight] == 0


def test_rates_that_go_by_births_need_a_method_that_records_them():
    plan = RatePlan(rates="dual", dual=Dual(), bounds=MultiplierBounds())
    with pytest.raises(CannotTrain, match="CONFIG_RATES=dual: the rates Dual go by when"):
        plan.scale(run_of())
    assert plan.scale(run_of(method=Grown())) is not None
    assert RatePlan().scale(run_of()) is None
    with pytest.raises(CannotTrain, match="CONFIG_RATES=several: choose at least one"):
        RatePlan(rates="several", bounds=MultiplierBounds()).scale(run_of())
