"""Resampling: exact fan-in, every drop replaced, survivors untouched, newborns as if fresh."""

from __future__ import annotations

import copy
from typing import Any

import loops
import pytest
import torch
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Optimizer, Run
from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.dendritic_layer import DendriticLayer
from espalier.layers.dendrites.synapses import Synapses
from espalier.methods.dendrites import synapse_scores
from espalier.methods.dendrites.pruning_laws import Laplace, Sigmoid
from espalier.methods.dendrites.resample_schedule import ResampleSchedule
from espalier.methods.dendrites.resampling import Resampling
from espalier.methods.dendrites.synapse_turnover import SynapseTurnover
from espalier.methods.dendrites.synaptic_resampling import GrowthInputs, Resampler
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD
from espalier.sparse.optimizer_parts import whole_state

OPTIMIZERS = component.names("optimizer")
GROWTHS = ("random", "gradient", "local")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Table:
    """One layer of synapses and a linear one behind it, trained for two updates."""

    def __init__(
        self,
        inputs: int = 64,
        units: int = 40,
        fan_in: int = 16,
        optimizer: str = "adam",
        **how: Any,
    ) -> None:
        torch.manual_seed(0)
        self.layer = Synapses(inputs, wiring.random(units, inputs, fan_in, None))
        self.model = nn.Sequential(self.layer, nn.LeakyReLU(0.1), nn.Linear(units, 4))
        self.optimizer = loops.optimizer_of(optimizer, self.model)
        self.batch = torch.randn(12, inputs), torch.randint(4, (12,))
        side = round(inputs**0.5)
        around = GrowthInputs(lambda: self.batch, pixels=(1, side, side))
        turnover = SynapseTurnover(**how)
        self.resampler = Resampler(self.model, self.optimizer, generator(), turnover, around)
        self.update()
        self.update()

    def update(self) -> None:
        self.model.zero_grad()
        x, y = self.batch
        nn.functional.cross_entropy(self.model(x), y).backward()
        self.optimizer.step()
        self.resampler.after_step()

    def dense(self) -> Tensor:
        """(units, inputs): weights where they are, nan elsewhere."""
        full = torch.full((self.layer.units, self.layer.inputs), torch.nan)
        return full.scatter(1, self.layer.index, self.layer.weight.detach())

    def moments(self) -> list[Tensor]:
        """Return the state of each synapse."""
        state, whole = self.optimizer.state[self.layer.weight], whole_state(self.optimizer)
        tensors = [x for n, x in state.items() if torch.is_tensor(x) and n not in whole]
        return [x for x in tensors if x.shape == self.layer.index.shape]


def connected(table: Table) -> Tensor:
    return ~table.dense().isnan()


# cadence


@pytest.mark.parametrize(
    ("cadence", "total", "steps"),
    [
        (ResampleSchedule(40, 0, 0.75), 200, [40, 80, 120]),  # 150 is the end
        (ResampleSchedule(50, 0, 0.75), 200, [50, 100, 150]),
        (ResampleSchedule(50, 0, 1.0), 200, [50, 100, 150]),  # none after the last update
        (ResampleSchedule(10, 5, 1.0), 100, [10, 25, 45, 70]),  # intervals 10, 15, 20, 25; then 100
        (ResampleSchedule(3, 10, 1.0), 60, [3, 16, 39]),  # a stretch longer than the first interval
        (ResampleSchedule(128, 0, 0.75), 100, []),
        (ResampleSchedule(10, 0, 0.29), 100, [10, 20]),  # 0.29 * 100 is 28.999... in binary
    ],
)
def test_events_come_at_these_steps(
    cadence: ResampleSchedule, total: int, steps: list[int]
) -> None:
    assert [s for s in range(1, total + 1) if cadence.due(s, total)] == steps
    assert cadence.events(total, total) == len(steps)


@pytest.mark.parametrize("steps", [1, 7, 40])
@pytest.mark.parametrize("stretch", [0, 1, 5, 90])
@pytest.mark.parametrize("stop", [0.1, 0.75, 1.0])
def test_the_number_of_events_is_the_floor_formula(steps: int, stretch: int, stop: float) -> None:
    cadence, total = ResampleSchedule(steps, stretch, stop), 500
    end, at, interval, expected = min(stop * total, total - 1), steps, steps, 0
    while at <= end:
        expected, interval = expected + 1, interval + stretch
        at += interval
    assert cadence.events(total, total) == expected
    assert sum(cadence.due(step, total) for step in range(1, total + 1)) == expected


# an event


@pytest.mark.parametrize("grow", GROWTHS)
@pytest.mark.parametrize("drop", ["magnitude", "random"])
@pytest.mark.parametrize(
    ("inputs", "fan_in", "share", "swapped"),
    [
        (64, 16, 0.25, 4),
        (64, 48, 0.25, 12),
        (64, 48, 0.5, 16),  # only 16 inputs are free
        (64, 63, 1.0, 1),
        (64, 3, 0.25, 1),  # one at least
        (64, 10, 0.3, 3),
        (784, 32, 0.25, 8),
    ],
)
def test_every_unit_swaps_exactly_so_many(
    inputs: int, fan_in: int, share: float, swapped: int, drop: str, grow: str
) -> None:
    table = Table(inputs, 20, fan_in, drop=drop, grow=grow, share=share)
    before = connected(table)
    assert table.resampler.resample() == 20 * swapped
    table.resampler.assert_consistent()
    after = connected(table)
    assert (after.sum(1) == fan_in).all()
    assert ((before & ~after).sum(1) == swapped).all()  # never one that it had before
    assert ((after & ~before).sum(1) == swapped).all()


@pytest.mark.parametrize("drop", ["laplace", "sigmoid"])
@pytest.mark.parametrize("fan_in", [16, 60])
def test_by_a_law_numbers_vary_and_everyone_is_replaced(drop: str, fan_in: int) -> None:
    table = Table(fan_in=fan_in, drop=drop, scale=0.3)
    before = connected(table)
    swaps = table.resampler.resample()
    after = connected(table)
    gone = (before & ~after).sum(1)
    assert (after.sum(1) == fan_in).all() and int(gone.sum()) == swaps
    assert gone.max() <= 64 - fan_in
    assert fan_in == 60 or len(gone.unique()) > 1


def test_the_smallest_weights_go_and_survivors_stay_bit_for_bit() -> None:
    table = Table(share=0.25)
    before, size = table.dense(), table.layer.weight.detach().abs()
    limit = size.sort(dim=1).values[:, 3]
    table.resampler.resample()
    after = table.dense()
    stay = ~before.isnan() & (before.abs() > limit.unsqueeze(1))
    assert (stay.sum(1) == 12).all() and torch.equal(after[stay], before[stay])
    born = ~after.isnan() & before.isnan()
    assert (after[born] == 0).all()


def test_the_weakest_go_where_a_law_takes_more_than_there_are_free_inputs() -> None:
    weight = torch.tensor([[0.3, -0.1, 0.2, 0.4]]) * 1e-3  # nearly all go at such a scale
    everyone = SynapseTurnover(drop="laplace", scale=1e6)
    seen = [everyone.dropped(weight, 1, generator(seed)) for seed in range(200)]
    taken = [int(slots[0, 0]) for slots, gone in seen if gone[0, 0]]
    both_smallest = [i for i in taken if i in (1, 2)]
    assert taken.count(1) > taken.count(2) > taken.count(0) > 0 and len(both_smallest) > 120


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_moments_of_newborns_are_0_and_those_of_survivors_as_they_were(optimizer: str) -> None:
    table = Table(optimizer=optimizer)
    index, old = table.layer.index.clone(), [m.clone() for m in table.moments()]
    table.resampler.resample()
    born = table.layer.index != index
    assert born.sum() == 40 * 4
    assert (old or optimizer == "adafactor") and len(table.moments()) == len(old)  # it has factors
    for now, before in zip(table.moments(), old, strict=True):
        assert (now[born] == 0).all() and torch.equal(now[~born], before[~born])
        assert (before[born] != 0).all()


def test_inherited_moments_are_those_of_the_slot() -> None:
    table = Table(moments="inherit")
    old = [m.clone() for m in table.moments()]
    table.resampler.resample()
    assert loops.same(table.moments(), old)


def test_with_zero_births_nothing_changes_if_the_dropped_weights_were_0() -> None:
    table = Table()
    with torch.no_grad():
        smallest = table.layer.weight.abs().topk(4, dim=1, largest=False).indices
        table.layer.weight.scatter_(1, smallest, 0.0)
    before = table.model(table.batch[0])
    assert table.resampler.resample() == 40 * 4
    assert (table.model(table.batch[0]) - before).abs().max() <= 1e-6


def test_all_inputs_connected_is_a_counted_event_that_changes_nothing() -> None:
    table = Table(fan_in=64)
    before = copy.deepcopy(table.model.state_dict())
    assert table.resampler.resample() == 0
    assert table.resampler.resamplings == 1 and table.resampler.swaps == 0
    assert loops.same(table.model.state_dict().values(), before.values())


def test_a_weight_that_is_no_number_stays() -> None:
    table = Table()
    with torch.no_grad():
        table.layer.weight[3] = torch.nan
    assert table.resampler.resample() == 39 * 4
    table.resampler.assert_consistent()


@pytest.mark.parametrize("share", [-0.1, 0.0, 1.5])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=rf"0 < share <= 1 must hold, but share={share}"):
        SynapseTurnover(share=share)


def test_a_fresh_birth_has_the_layers_own_deviation() -> None:
    table = Table(units=400, birth="fresh", share=1.0)
    index = table.layer.index.clone()
    table.resampler.resample()
    born = table.layer.weight.detach()[table.layer.index != index]
    assert born.std() == pytest.approx((2 / 64) ** 0.5, rel=0.05)


# laws (A5)


def test_of_weights_that_follow_the_laplace_law_a_quarter_goes_and_of_zeros_half() -> None:
    law = Laplace(0.05)
    weights = law.fresh((100_000,), generator())
    assert float(weights.abs().mean()) == pytest.approx(0.05, rel=0.02)
    for values, share in ((weights, 0.25), (torch.zeros(100_000), 0.5)):
        turnover = SynapseTurnover(drop="laplace", scale=0.05)
        _, gone = turnover.dropped(values.view(1000, 100), 1000, generator(1))
        assert float(gone.sum()) / 100_000 == pytest.approx(share, abs=0.01)


def test_the_laplace_law_at_hand_computed_sizes() -> None:
    sizes = torch.tensor([0.0, 0.05, 0.1])
    expected = torch.tensor([0.5, 0.18394, 0.06767])  # e^0, e^-1, e^-2, halved
    assert torch.allclose(Laplace(0.05).going(sizes), expected, atol=1e-5)


def test_the_sigmoid_law_at_hand_computed_sizes() -> None:
    sizes = torch.tensor([0.4, 0.5, 0.0])
    expected = torch.tensor([0.475, 0.25549, 0.93291])  # 0.95 over 2, 1 + e and 1 + e^-4
    assert torch.allclose(Sigmoid().going(sizes), expected, atol=1e-5)
    fresh = Sigmoid().fresh((10_000,), generator())
    assert float(fresh.abs().mean()) == pytest.approx(0.4, abs=0.001)
    assert float((fresh > 0).float().mean()) == pytest.approx(0.5, abs=0.02)


# growth


def test_growth_by_gradient_is_the_dense_gradient() -> None:
    """dL/dW of a dense layer with the same weights is what autograd says."""
    table = Table(inputs=16, units=5, fan_in=4)
    full = table.dense().nan_to_num(0).requires_grad_()
    x, y = table.batch
    z = nn.functional.linear(x, full, table.layer.bias)
    loss = nn.functional.cross_entropy(table.model[2](table.model[1](z)), y)
    (expected,) = torch.autograd.grad(loss, full)
    layers, before = {"0": table.layer}, loops.values(table.model)
    (slopes,) = synapse_scores.gradient_scores(
        table.model, layers, nn.functional.cross_entropy, table.batch
    )
    assert torch.allclose(slopes, expected.abs(), atol=1e-7)
    assert loops.same(loops.values(table.model), before)


def test_growth_by_gradient_takes_the_largest_free_ones() -> None:
    table = Table(inputs=16, units=5, fan_in=4, grow="gradient", share=0.5)
    layers = {"0": table.layer}
    (slope,) = synapse_scores.gradient_scores(
        table.model, layers, nn.functional.cross_entropy, table.batch
    )
    before = connected(table)
    best = slope.masked_fill(before, -1).topk(2, dim=1).indices.sort(dim=1).values
    table.resampler.resample()
    born = connected(table) & ~before
    assert torch.equal(born.nonzero()[:, 1].view(5, 2), best)


def test_random_growth_takes_every_free_input_alike() -> None:
    layer = Synapses(10, torch.tensor([[0, 1]]).repeat(20_000, 1))
    taken = synapse_scores.select_inputs(
        synapse_scores.uniform_scores(layer, generator()), layer.index, 1
    ).flatten()
    counts = torch.bincount(taken, minlength=10)
    assert (counts[:2] == 0).all()
    chi = ((counts[2:] - 2500) ** 2 / 2500).sum()
    assert float(chi) < 24.3  # p = 0.001 at 7 degrees of freedom


@pytest.mark.parametrize("pixels", [(1, 8, 8), (3, 8, 8), (2, 6, 10)])
def test_local_growth_is_close_to_a_units_own_synapses(pixels: tuple[int, int, int]) -> None:
    channels, height, width = pixels
    inputs = channels * height * width
    corner = torch.tensor([0, 1, width, width + 1])  # in the first channel
    layer = Synapses(inputs, corner.repeat(3000, 1))
    inputs_of = synapse_scores.select_inputs(
        synapse_scores.local_scores(layer, pixels, 1.5, generator()), layer.index, 1
    )
    place = synapse_scores.pixel_places(pixels)[inputs_of.flatten()].float()
    distance = (place - 0.5).norm(dim=1)
    assert float(distance.mean()) < 0.6 * float(
        (synapse_scores.pixel_places(pixels) - 0.5).norm(dim=1).mean()
    )
    channel = torch.bincount(inputs_of.flatten() // (height * width), minlength=channels)
    assert (channel > 0).all()


def test_the_place_of_an_input_is_its_row_and_column_whatever_the_channel() -> None:
    rows = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert synapse_scores.pixel_places((2, 2, 3)).tolist() == [*rows, *rows]


# newborns train as under a fresh optimizer


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adamwspam"])
def test_a_newborn_moves_by_the_rate_at_first_and_not_by_several_times_it(optimizer: str) -> None:
    table = Table(optimizer=optimizer)
    for _ in range(60):
        table.update()
    index = table.layer.index.clone()
    table.resampler.resample()
    born = table.layer.index != index
    before = table.layer.weight.detach().clone()
    table.update()
    moved = (table.layer.weight.detach() - before)[born].abs()
    assert float(moved.max()) == pytest.approx(0.01, rel=0.01)  # the first step of any Adam


# in training


def sparse_run(optimizer: Optimizer, method: Resampling, model: nn.Module | None = None) -> Run:
    return loops.run_of(optimizer, method, model=model or loops.sparse_network())


@pytest.mark.parametrize("soma", [True, False])
@pytest.mark.parametrize("grow", GROWTHS)
def test_a_dendritic_layer_with_or_without_somas_is_resampled(soma: bool, grow: Any) -> None:
    torch.manual_seed(0)
    layer = DendriticLayer(16, 3, 4, 5, soma=soma)
    model = nn.Sequential(nn.Flatten(), layer, nn.Linear(3 if soma else 4, 4))
    method = Resampling(ResampleSchedule(steps=6), SynapseTurnover(grow=grow))
    run = loops.train(sparse_run(Adam(), method, model), 48)
    measures = method.measures(run)
    assert measures["resamplings"] == 6 and measures["swaps"] == 6 * (12 if soma else 4)
    assert measures["sparsity"] == 0.0
    assert measures["live_parameters"] == sum(p.numel() for p in model.parameters())


def test_every_layer_of_a_model_is_resampled_where_inputs_are_free() -> None:
    run = loops.train(sparse_run(SGD(), Resampling(ResampleSchedule(steps=10))), 20)
    assert run.method.measures(run)["swaps"] == 2 * (6 * 1 + 7 * 1)


@pytest.mark.parametrize("moments", ["reset", "inherit"])
def test_a_run_goes_on_exactly_from_its_state(moments: Any) -> None:
    method = Resampling(ResampleSchedule(steps=5), SynapseTurnover(moments=moments, birth="fresh"))
    whole = loops.train(sparse_run(Adam(), method), 30)
    begun = loops.train(sparse_run(Adam(), method), 17)
    resumed = sparse_run(Adam(), method, copy.deepcopy(begun.model))
    resumed.optimizer.load_state_dict(begun.optimizer.state_dict())
    resumed.generators["method"].set_state(begun.generators["method"].get_state())
    resumed.step = begun.step
    method.load_state_dict(resumed, method.state_dict(begun))
    loops.train(resumed, 13)
    assert loops.same(loops.values(resumed.model), loops.values(whole.model))
    assert method.measures(resumed) == method.measures(whole)


@pytest.mark.parametrize(
    ("model", "method", "reason", "text"),
    [
        (
            loops.network,
            Resampling(ResampleSchedule(5)),
            "nothing_to_resample",
            "no layer of the model",
        ),
        (loops.sparse_network, Resampling(), "resampling_never_starts", "RESAMPLING_STEPS"),
        (
            loops.sparse_network,
            Resampling(ResampleSchedule(5), SynapseTurnover(grow="local")),
            "nothing_to_resample",
            "3 has 6 inputs, and the image 16 values",
        ),
    ],
)
def test_a_trial_that_makes_no_sense_fails_at_once(
    model: Any, method: Resampling, reason: str, text: str
) -> None:
    with pytest.raises(CannotTrain, match=text) as error:
        sparse_run(Adam(), method, model())
    assert error.value.reason == reason
