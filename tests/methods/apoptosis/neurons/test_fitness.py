"""Fitness by hand on a net of three neurons, and what every measure owes."""

import copy
import math

import module_hooks
import pytest
import torch
from torch import nn

from espalier.methods.apoptosis.neurons import fitness
from espalier.methods.apoptosis.neurons.activation_hooks import observe
from espalier.methods.apoptosis.neurons.fitness import MEASURES, score
from espalier.methods.apoptosis.neurons.layer_population import FitnessEma
from espalier.surgery.pairing.pairs import find_pairs

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


def mean_output(out, y):
    """A loss whose gradient is easy: the mean over samples of the output."""
    return (out - y).sum(1).mean()


def seen_of(net, loss=mean_output, batch=(X, Y)):
    (pair,) = find_pairs(net)
    return observe([pair], net, loss, batch)[0]


def test_an_observation_is_what_the_layers_pass_on():
    seen = seen_of(three())
    # sample 1: z = 1, 0, 1; sample 2: z = 0, 2, -2
    assert seen.pre_activations.squeeze(1).tolist() == [[1, 0, 1], [0, 2, -2]]
    assert seen.activations[:, 0, :, 0].tolist() == [[1, 0, 1], [0, 2, 0]]
    assert seen.activation_grads[:, 0, :, 0].tolist() == [[0.5, 1, -0.5], [0.5, 1, -0.5]]


def test_observing_leaves_no_trace():
    net = three().train()
    net[1].inplace = False
    seen_of(net)
    assert net.training
    assert all(p.grad is None for p in net.parameters())
    assert module_hooks.count(net) == 0


def test_a_pair_that_takes_no_part_is_named():
    net = nn.ModuleDict({"used": three(), "idle": three()})
    idle = [pair for pair in find_pairs(net) if pair.name.startswith("idle")]
    model = nn.Module()
    model.forward = net["used"].forward
    with pytest.raises(ValueError, match="idle.0"):
        observe(idle, model, mean_output, (X, Y))


def test_measures_by_hand():
    net = three()
    mean_output(net(X), Y).backward()
    seen = seen_of(net)
    # G: mean over samples of d_i * [z_i > 0] * x
    assert fitness.weight(seen).tolist() == pytest.approx([1, 1, math.sqrt(2)])
    assert fitness.gradient(seen).tolist() == pytest.approx([0.5, 2, 0.5])
    assert fitness.grad_activation(seen).tolist() == pytest.approx([0.25, 2, 0.75])
    # a d scaled to a sample's loss: sample 1: 1, 0, -1; sample 2: 0, 4, 0
    assert fitness.taylor(seen).tolist() == pytest.approx([0.5, 8, 0.5])
    # mean |a| = 0.5, 1, 0.5 with mean 2/3
    assert fitness.activity(seen).tolist() == pytest.approx([0.75, 1.5, 0.75])
    assert fitness.utility(seen).tolist() == pytest.approx([0.5, 2, 0.5])
    shares = [[1 / math.sqrt(2), 0.25, 1 / 3], [1 / math.sqrt(2), 1, 2 / 3], [1, 0.25, 1]]
    expected = [0.4 * w + 0.4 * g + 0.2 * z for w, g, z in shares]
    assert fitness.composite(seen).tolist() == pytest.approx(expected, rel=1e-5)


def test_saliency_is_the_error_that_the_best_adjustment_leaves():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    x = torch.randn(200, 4, dtype=torch.float64)
    seen = seen_of(net, lambda out, y: out.sum(1).mean(), (x, x))
    a = torch.cat([seen.activations[:, 0, :, 0], torch.ones(200, 1, dtype=torch.float64)], 1)
    for i, saliency in enumerate(fitness.saliency(seen).tolist()):
        rest = a[:, [j for j in range(6) if j != i]]
        fit = rest @ torch.linalg.lstsq(rest, a[:, i : i + 1]).solution
        error = (a[:, i : i + 1] - fit) @ net[2].weight.detach()[:, i : i + 1].T
        assert saliency == pytest.approx(float(error.square().sum(1).mean()), rel=0.05)


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


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_gives_a_number_a_neuron_and_none_to_the_dead(case, measure):
    torch.manual_seed(1)
    net, shape = copy.deepcopy(CASES[case])
    (pair,) = find_pairs(net)
    with torch.no_grad():
        pair.producer.weight[0].zero_()
        pair.producer.bias[0].zero_()
        pair.consumer.weight[:, : pair.per].zero_()
    batch = (torch.randn(shape), torch.zeros(4))
    loss = lambda out, y: out.flatten(1).square().sum(1).mean()  # noqa: E731
    loss(net(batch[0]), batch[1]).backward()
    seen = observe([pair], net, loss, batch)
    fitness = score(measure, seen, torch.Generator())
    assert fitness.shape == (pair.size,)
    assert bool(fitness.isfinite().all()) and bool((fitness >= 0).all())
    assert int(fitness.argmin()) == 0
    assert torch.equal(score(measure, seen, torch.Generator(), invert=True), -fitness)


def test_the_random_control_depends_on_its_generator_alone():
    seen = [seen_of(three())]
    draws = [score("random", seen, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_averages_forget_and_the_young_are_spared():
    ema = FitnessEma(3, decay=0.5, maturity=2, device=torch.device("cpu"))
    ema.update(torch.tensor([4.0, 2.0, 0.0]))
    assert ema.fitness.tolist() == [4, 2, 0]  # not half of it
    ema.update(torch.tensor([1.0, 2.0, 3.0]))
    assert ema.fitness.tolist() == pytest.approx([2, 2, 2])  # (1 * 4 + 2 * 1) / 3 ...
    assert ema.weakest(3).tolist() == []
    ema.step(2)
    ema.update(torch.tensor([0.0, 5.0, 2.0]))
    assert ema.weakest(1).tolist() == [0]
    ema.reset(torch.tensor([0]))
    assert ema.weakest(3).tolist() == [2, 1]
    assert ema.age.tolist() == [0, 2, 2]


def test_averages_and_ages_are_saved_and_restored():
    saved, loaded = (FitnessEma(2, 0.9, 1, torch.device("cpu")) for _ in range(2))
    saved.step(5)
    saved.update(torch.tensor([1.0, 2.0]))
    loaded.load_state_dict(saved.state_dict())
    saved.update(torch.tensor([3.0, 1.0]))
    loaded.update(torch.tensor([3.0, 1.0]))
    assert torch.equal(saved.fitness, loaded.fitness) and torch.equal(saved.age, loaded.age)
