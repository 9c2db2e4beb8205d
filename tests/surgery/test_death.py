"""Deaths: hand-computed folds, exact cases, estimates, and how much each way hurts."""

import module_hooks
import pytest
import torch
from surgery_bodies import (
    BODIES,
    conv,
    fold_mean,
    fold_survivors,
    lenet,
    logits,
    mlp,
    residual,
    trained,
    transformer,
    zero,
)
from torch import nn

from espalier.surgery import death
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import Pair, find_pairs
from espalier.surgery.probe import Statistics, gather

WAYS = [zero, fold_mean, fold_survivors]


def linear_pair(outputs: int = 1, bias: bool = True) -> Pair:
    layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, outputs, bias=bias)]
    return find_pairs(nn.Sequential(*layers))[0]


def given(pair: Pair, activations: torch.Tensor) -> Statistics:
    statistics = Statistics(pair)
    statistics.add(activations)
    return statistics


def test_statistics_of_batches_are_those_of_all_samples_together() -> None:
    x = torch.randn(50, 3, dtype=torch.float64) + 100
    statistics = Statistics(linear_pair())
    for part in x.split([7, 1, 42]):
        statistics.add(part)
    assert statistics.count == 50
    torch.testing.assert_close(statistics.mean, x.mean(0))
    torch.testing.assert_close(statistics.scatter / statistics.count, torch.cov(x.T, correction=0))


def test_taps_lie_on_the_padding_as_often_as_counted_by_hand() -> None:
    layers = [nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, (1, 3), padding=(0, 1))]
    statistics = given(find_pairs(nn.Sequential(*layers))[0], torch.ones(1, 2, 5, 4))
    torch.testing.assert_close(statistics.shares, torch.tensor([0.75, 1.0, 0.75]))


def test_gathering_leaves_modes_and_hooks_as_they_were() -> None:
    model, x, _ = trained(conv)
    model.train()
    model[1].eval()
    gather(model, find_pairs(model), [x, x])
    assert [m.training for m in model] == [i != 1 for i in range(len(model))]
    assert module_hooks.count(model) == 0
    with pytest.raises(RuntimeError):
        gather(model, find_pairs(model), [torch.zeros(1)])
    assert module_hooks.count(model) == 0


def test_the_mean_goes_into_the_bias() -> None:
    pair = linear_pair()
    pair.consumer.weight.data = torch.tensor([[1.0, 2.0, 3.0]])
    pair.consumer.bias.data.zero_()
    seen = torch.tensor([[1.0, 0.0, 4.0], [3.0, 0.0, 8.0]])
    error = fold_mean(EditContext(pair), torch.tensor([2]), given(pair, seen))
    assert pair.consumer.weight.tolist() == [[1.0, 2.0, 0.0]]
    assert pair.consumer.bias.tolist() == [18.0]  # 3 * 6
    assert float(error) == pytest.approx(9 * 4)  # 3^2 times the variance 4


def test_zeroing_loses_the_second_moment() -> None:
    pair = linear_pair()
    pair.consumer.weight.data = torch.tensor([[1.0, 2.0, 3.0]])
    seen = torch.tensor([[1.0, 0.0, 4.0], [3.0, 0.0, 8.0]])
    error = zero(EditContext(pair), torch.tensor([2]), given(pair, seen))
    assert float(error) == pytest.approx(9 * (16 + 64) / 2)
    assert pair.incoming()[2].tolist() == [0.0, 0.0]


def test_survivors_take_over_what_they_can_say() -> None:
    pair = linear_pair(outputs=2)
    pair.consumer.weight.data = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, -1.0]])
    pair.consumer.bias.data.zero_()
    a = torch.rand(40, 2)
    seen = torch.cat([a, 2 * a[:, :1] - a[:, 1:] + 5], 1)  # a_2 = 2 a_0 - a_1 + 5
    ridge = 1e-9
    error = fold_survivors(EditContext(pair), torch.tensor([2]), given(pair, seen), ridge)
    expected = torch.tensor([[7.0, -1.0, 0.0], [-2.0, 1.0, 0.0]])
    torch.testing.assert_close(pair.consumer.weight.detach(), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        pair.consumer.bias.detach(), torch.tensor([15.0, -5.0]), atol=1e-4, rtol=0
    )
    assert float(error) < 1e-5


@pytest.mark.parametrize("body", [mlp, transformer])
@pytest.mark.parametrize("way", WAYS)
def test_for_linear_layers_the_estimate_is_what_happens_on_the_probe(body, way) -> None:
    model, x, optimizer = trained(body)
    model, x = model.double(), x.double()
    pair = find_pairs(model)[0]
    outputs: list[torch.Tensor] = []
    pair.consumer.register_forward_hook(lambda m, i, out: outputs.append(out.flatten(0, -2)))
    (statistics,) = gather(model, [pair], [x])
    estimate = way(EditContext(pair), torch.tensor([1, 5, 6]), statistics)
    logits(model, x)
    truth = (outputs[1] - outputs[0]).square().sum(1).mean()
    assert float(estimate) == pytest.approx(float(truth), rel=1e-6)


@pytest.mark.parametrize("body", BODIES)
def test_folding_hurts_less_than_zeroing(body) -> None:
    def damage(way: death.SubstituteRule, index: int) -> float:
        model, x, optimizer = trained(body, steps=10)
        pair = find_pairs(model)[index]
        (statistics,) = gather(model, [pair], [x])
        outputs: list[torch.Tensor] = []
        reader = pair.after or pair.consumer
        reader.register_forward_hook(lambda m, i, out: outputs.append(out))
        logits(model, x)
        way(EditContext(pair, optimizer), torch.arange(pair.size // 4), statistics)
        logits(model, x)
        return float((outputs[1] - outputs[0]).square().mean())

    for index in range(len(find_pairs(body()[0]))):
        zero, mean, survivors = (damage(way, index) for way in WAYS)
        assert survivors < mean < zero


def test_a_map_of_one_neuron_that_copies_another_is_folded_right_to_the_border() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1, stride=2)
    ).double()
    with torch.no_grad():
        model[0].weight[3], model[0].bias[3] = 2 * model[0].weight[0], 2 * model[0].bias[0]
    x = torch.randn(8, 1, 6, 6, dtype=torch.float64)
    before = logits(model, x)
    (pair,) = find_pairs(model)
    fold_survivors(EditContext(pair), torch.tensor([3]), gather(model, [pair], [x])[0], 1e-12)
    torch.testing.assert_close(logits(model, x), before)


@pytest.mark.parametrize("way", WAYS[1:])
def test_the_mean_output_stays_in_spite_of_zero_padding(way) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)).double()
    with torch.no_grad():  # a neuron that is constant, so only the border can go wrong
        model[0].weight[2], model[0].bias[2] = 0.0, 1.0
    x = torch.randn(8, 1, 8, 8, dtype=torch.float64)
    before = logits(model, x).mean((0, 2, 3))
    (pair,) = find_pairs(model)
    way(EditContext(pair), torch.tensor([2]), gather(model, [pair], [x])[0])
    torch.testing.assert_close(logits(model, x).mean((0, 2, 3)), before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", [lenet, residual])
def test_the_dead_stay_dead(body, way) -> None:
    model, x, optimizer = trained(body)
    for pair in find_pairs(model):
        (statistics,) = gather(model, [pair], [x])
        dead = torch.tensor([0, 2])
        way(EditContext(pair, optimizer), dead, statistics)
        (after,) = gather(model, [pair], [x])
        columns = pair.columns(dead)
        assert pair.outgoing()[dead].abs().max() == 0
        assert after.mean[columns].abs().max() == 0  # silent, whatever its norm
        assert optimizer.state[pair.consumer.weight]["exp_avg"][:, columns].abs().max() == 0
        assert optimizer.state[pair.producer.weight]["exp_avg"][dead].abs().max() == 0


def test_without_a_bias_the_norm_that_follows_takes_the_mean() -> None:
    model, x, optimizer = trained(residual)
    pair = find_pairs(model)[0]
    (statistics,) = gather(model, [pair], [x])
    before = pair.after.running_mean.clone()
    columns = pair.consumer.weight.detach()[:, [3]].flatten(2)
    fold_mean(EditContext(pair, optimizer), torch.tensor([3]), statistics)
    moved = (columns @ statistics.shares).flatten() * statistics.mean[3]
    torch.testing.assert_close(pair.after.running_mean, before - moved)
    assert pair.consumer.bias is None


def test_without_either_a_bias_is_made_and_trained_without_decay() -> None:
    pair = linear_pair(outputs=2, bias=False)
    optimizer = torch.optim.AdamW(
        [pair.consumer.weight, pair.producer.weight], lr=0.5, weight_decay=0.1
    )
    fold_mean(EditContext(pair, optimizer), torch.tensor([0]), given(pair, torch.ones(4, 3)))
    bias = pair.consumer.bias
    assert bias is not None and bias.requires_grad
    group = optimizer.param_groups[-1]
    assert group["params"][0] is bias and (group["lr"], group["weight_decay"]) == (0.5, 0.0)


def test_a_layer_in_a_pack_cannot_be_given_a_bias() -> None:
    pair = linear_pair(outputs=2, bias=False)
    pair.consumer.weight.data = torch.zeros(2, 2, 3)[1]  # a view of a stack
    with pytest.raises(ValueError, match="no bias to fold a mean into, and is one of a pack"):
        fold_mean(EditContext(pair), torch.tensor([0]), given(pair, torch.ones(4, 3)))


def test_masks_are_obeyed_weights_and_state() -> None:
    model, x, optimizer = trained(mlp)
    pair = find_pairs(model)[1]
    torch.manual_seed(1)
    weights = pair.producer.weight, pair.consumer.weight
    keep = {w: (torch.rand_like(w) > 0.5).float() for w in weights}
    site = EditContext(pair, optimizer, keep)
    fold_survivors(site, torch.arange(8), gather(model, [pair], [x])[0])
    for weight, mask in keep.items():
        for tensor in (weight.detach(), *optimizer.state[weight].values()):
            if tensor.shape == weight.shape:
                assert tensor[mask == 0].abs().max() == 0
                assert tensor[mask == 1].abs().max() > 0


def test_no_probe_is_needed_for_neurons_that_do_nothing() -> None:
    pair = linear_pair()
    error = fold_survivors(EditContext(pair), torch.tensor([1]), given(pair, torch.zeros(4, 3)))
    assert float(error) == 0 and pair.consumer.weight.isfinite().all()
