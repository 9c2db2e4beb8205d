"""DropLinear: exact totals, the right columns, and zeros that stay."""

from __future__ import annotations

import copy
from typing import Any

import loops
import pytest
import torch
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Run
from espalier.layers.dendrites.drop_linear import (
    DropLinear,
    Shrinking,
    smallest_columns,
    surplus_columns,
)
from espalier.methods.none import NoPruning
from espalier.methods.pruning.droplinear import DropLinearMethod
from espalier.optimizers.adam import Adam
from espalier.sparse.masked_weight import weight_and_state


@pytest.mark.parametrize(
    ("schedule", "sizes"),
    [
        (Shrinking(10, 100, 20, 0.9), [3, 3, 2, 2]),  # four drops, the rest to the first
        (Shrinking(2, 100, 20, 0.9), [1, 1, 0, 0]),
        (Shrinking(100, 500, 100, 0.9, "exponential"), [30, 27, 23, 20]),  # 29.9 26.4 23.3 20.5
        (Shrinking(0, 100, 20, 0.9), [0, 0, 0, 0]),
        (Shrinking(10, 100, 50, 1.0), [10]),  # none after the last update
    ],
)
def test_drops_have_these_sizes(schedule: Shrinking, sizes: list[int]) -> None:
    assert schedule.sizes == sizes
    steps = range(1, schedule.updates + 1)
    drops = {step: schedule.after(step) for step in steps if schedule.after(step)}
    assert drops == {(i + 1) * schedule.every: n for i, n in enumerate(sizes) if n}


@pytest.mark.parametrize("pace", ["linear", "exponential"])
@pytest.mark.parametrize("columns", [1, 7, 63, 500])
@pytest.mark.parametrize("every", [1, 13, 128])
def test_drops_add_up_exactly(columns: int, every: int, pace: Any) -> None:
    schedule = Shrinking(columns, 1000, every, 0.9, pace)
    assert sum(schedule.after(step) for step in range(1, 1001)) == columns
    assert not any(schedule.after(step) for step in range(901, 1001))


def test_no_drop_in_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="no drop comes within 0.9 of 100 updates"):
        Shrinking(3, 100, 128)


@pytest.mark.parametrize(
    ("target", "columns"),
    [(650, 0), (1000, 0), (649, 1), (640, 1), (639, 2), (20, 63)],
)
def test_so_many_columns_are_too_many(target: int, columns: int) -> None:
    """64 inputs and 10 units have 650 parameters, 10 a column."""
    assert surplus_columns(64, 10, target) == columns
    assert (64 - columns) * 10 + 10 <= target


def test_a_target_below_one_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="target 19 leaves no input: 10 units"):
        surplus_columns(64, 10, 19)


def test_the_weakest_columns_are_the_smallest_sums_of_live_ones() -> None:
    weight = torch.tensor([[1.0, -2.0, 0.0, 0.5], [1.0, 0.0, 0.0, -1.0]])  # 2, 2, 0, 1.5
    live = torch.tensor([True, True, False, True])
    assert smallest_columns(weight, live, 1).tolist() == [3]
    assert sorted(smallest_columns(weight, torch.ones(4, dtype=torch.bool), 2).tolist()) == [2, 3]


def network() -> tuple[nn.Sequential, DropLinear]:
    torch.manual_seed(0)
    layer = DropLinear(16, 6, target=40, updates=48, every=8)  # 102 parameters: 11 columns go
    return nn.Sequential(nn.Flatten(), layer, nn.Tanh(), nn.Linear(6, 4)), layer


@pytest.mark.parametrize("optimizer", component.names("optimizer"))
def test_the_layer_reaches_its_target_and_what_is_gone_stays_0(optimizer: str) -> None:
    model, layer = network()
    own = loops.optimizer_of(optimizer, model)
    layer.follow(own)
    for step in range(48):
        model.eval()
        model(loops.batch(step)[0])  # evaluation does not count
        model.train()
        loops.backward(model, step)
        own.step()
        for tensor in weight_and_state(layer.weight, own).values():
            assert (tensor[:, ~layer.live] == 0).all()
    assert layer.live.sum() == 5 and int(layer.done) == 48


def test_before_the_first_drop_it_is_torchs_own_layer() -> None:
    _, layer = network()
    x = torch.randn(3, 16)
    assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


def test_a_layer_goes_on_from_its_state() -> None:
    (model, layer), (other, again) = network(), network()
    own, theirs = loops.optimizer_of("adam", model), loops.optimizer_of("adam", other)
    layer.follow(own)
    again.follow(theirs)
    for step in range(20):
        loops.backward(model, step)
        own.step()
    other.load_state_dict(model.state_dict())
    theirs.load_state_dict(copy.deepcopy(own.state_dict()))
    for step in range(20, 48):
        for each, optimizer in ((model, own), (other, theirs)):
            loops.backward(each, step)
            optimizer.step()
    assert loops.same(loops.values(model), loops.values(other))
    assert torch.equal(layer.live, again.live)


# the method


def run_of(model: nn.Module | None = None, **how: Any) -> Run:
    return loops.run_of(Adam(), DropLinearMethod(**how), model=model)


def test_the_method_drops_inputs_of_the_first_linear_layer() -> None:
    run = loops.train(run_of(steps=7, share=0.5), 48)  # the linear layers are 12 -> 5 -> 4
    first, second = run.model[4].weight, run.model[6].weight
    assert int((first == 0).all(0).sum()) == 6 and int((first == 0).sum()) == 6 * 5
    assert int((second == 0).sum()) == 0
    measures = run.method.measures(run)
    total = sum(p.numel() for p in run.model.parameters())
    assert measures["sparsity"] == pytest.approx(30 / loops.PRUNABLE)
    assert measures["live_parameters"] == total - 30


def test_several_layers_drop_each_its_share() -> None:
    run = loops.train(run_of(steps=7, share=0.5, layers=2), 48)
    assert int((run.model[4].weight == 0).all(0).sum()) == 6
    assert int((run.model[6].weight == 0).all(0).sum()) == 2


def test_the_method_and_the_layer_do_the_same() -> None:
    model, layer = network()
    own = Adam().build(model, 0.01)
    layer.follow(own)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Tanh(), nn.Linear(6, 4))
    plain.load_state_dict(model.state_dict(), strict=False)
    run = loops.run_of(Adam(), DropLinearMethod(share=11 / 16, steps=8), model=plain)
    loops.train(run, 48)
    for step in range(48):
        loops.backward(model, step)
        own.step()
    assert loops.same(loops.values(model), loops.values(plain))


def test_plain_training_is_left_as_it_is() -> None:
    dropped, plain = run_of(steps=30), loops.run_of(Adam(), NoPruning())
    loops.train(dropped, 29)
    loops.train(plain, 29)
    assert loops.same(loops.values(dropped.model), loops.values(plain.model))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"layers": 3, "steps": 7}, "too_few_layers"),
        ({"share": 0.01, "steps": 7}, "no_column_to_drop"),
        ({"steps": 44}, "dropping_never_starts"),
    ],
)
def test_a_trial_that_makes_no_sense_fails_at_once(how: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotTrain) as error:
        run_of(**how)
    assert error.value.reason == reason
