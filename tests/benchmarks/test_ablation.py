"""The report of measures: rows for every layer and measure, and nothing left behind."""

import copy
import math

import module_hooks
import pytest
import torch
from ablation import Row, ablation, averages, correlations, fitness_report
from torch import nn

from espalier.methods.apoptosis.neurons.fitness import MEASURES
from espalier.surgery.pairing.pairs import find_pairs


def linear():
    """Four neurons a = (1, 2, 3, 4) x, read with weight 1, all positive on positive inputs."""
    net = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))
        net[0].bias.zero_()
        net[2].weight.fill_(1.0)
        net[2].bias.zero_()
    return net


def report(net, batch):
    losses = lambda out, y: -(out - y).sum(1)  # noqa: E731
    return fitness_report(net, find_pairs(net), losses, batch, torch.Generator().manual_seed(0))


def test_measures_that_rank_as_the_truth_does_correlate_with_it_and_inverted_ones_do_not():
    rows = report(linear(), (torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)))
    correlation = {row.measure: row.correlation for row in rows}
    assert list(correlation) == ["random", *MEASURES, *(f"-{name}" for name in MEASURES)]
    # without neuron i the output is smaller by i times the mean input, and the loss larger
    for name in ("weight", "activity", "utility", "taylor"):
        assert (correlation[name], correlation[f"-{name}"]) == (pytest.approx(1), pytest.approx(-1))
    assert math.isnan(correlation["gradient"])  # every neuron's gradient is the same
    assert abs(correlation["random"]) < 1


def test_layers_come_in_their_order_and_are_averaged():
    rows = [Row("a", "x", 0.5), Row("a", "y", 0.9), Row("b", "x", 0.1), Row("b", "y", math.nan)]
    assert averages([*rows, Row("a", "z", math.nan)]) == pytest.approx(
        {"y": 0.9, "x": 0.3, "z": math.nan}, nan_ok=True
    )
    assert list(averages(rows)) == ["y", "x"]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    layers = [row.layer for row in report(net, (torch.randn(6, 3), torch.zeros(6, 2)))]
    assert list(dict.fromkeys(layers)) == ["0", "2"]


def test_the_model_is_left_as_it_was():
    net = linear().train()
    old = torch.full((4, 1), 7.0)
    net[0].weight.grad = old
    report(net, (torch.ones(2, 1), torch.zeros(2, 1)))
    assert net[0].weight.grad is old and bool((old == 7).all())
    assert net[2].weight.grad is None
    assert net.training
    assert module_hooks.count(net) == 0


X = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
Y = torch.zeros(2, 1)


def three():
    """Neurons max(0, x1), max(0, x2) and max(0, x1 - x2); y = a1 + 2 a2 - a3."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]]))
        net[0].bias.zero_()
        net[2].weight.copy_(torch.tensor([[1.0, 2.0, -1.0]]))
        net[2].bias.zero_()
    return net


CASES = {
    "linear": (nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (4, 6)),
    "tokens": (nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Dropout(), nn.Linear(8, 3)), (4, 5, 6)),
    "planes": (
        nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 3, 3)),
        (4, 2, 8, 8),
    ),
    "flattened": (
        nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 3)),
        (4, 2, 8, 8),
    ),
}


def test_ablation_is_the_loss_without_each_neuron():
    net = three()
    (pair,) = find_pairs(net)
    # the outputs are 0 and 4; without neuron 1: -1, 4; without 2: 0, 0; without 3: 1, 4
    worth = ablation(pair, net, lambda out, y: out[:, 0], (X, Y))
    assert worth.tolist() == [-0.5, -2.0, 0.5]


@pytest.mark.parametrize("case", CASES)
def test_ablation_in_groups_is_ablation_one_by_one(case):
    torch.manual_seed(2)
    net, shape = copy.deepcopy(CASES[case])
    net.eval()
    (pair,) = find_pairs(net)
    x = torch.randn(shape)
    net.requires_grad_(False)
    losses = lambda out, y: out.flatten(1).square().sum(1)  # noqa: E731
    worth = ablation(pair, net, losses, (x, torch.zeros(4)))
    whole = losses(net(x), None).mean()
    columns = pair.consumer.weight.data.view(len(pair.consumer.weight), pair.size, -1)
    for i in range(pair.size):
        kept = columns[:, i].clone()
        columns[:, i] = 0
        assert float(losses(net(x), None).mean() - whole) == pytest.approx(
            float(worth[i]), abs=1e-5
        )
        columns[:, i] = kept


def test_rank_correlations():
    truth = torch.tensor([1.0, 2.0, 3.0, 4.0])
    correlation = correlations(truth, {"same": truth**3, "inverted": -truth, "one": torch.ones(4)})
    assert (correlation["same"], correlation["inverted"]) == (pytest.approx(1), pytest.approx(-1))
    assert math.isnan(correlation["one"])
