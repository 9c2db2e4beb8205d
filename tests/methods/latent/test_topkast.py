"""Top-KAST beside the rule of its paper, written out in numpy."""

import loops
import numpy as np
import pytest
import torch
from plain_layers import linear, network, slopes, update

from espalier.core.contracts import CannotTrain
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.latent.topkast import TopKast
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD
from espalier.sparse.initial_edges import EdgePlan

STEPS, LR, PENALTY, EVERY, FORWARD, BACKWARD = 100, 0.1, 0.02, 7, 0.25, 0.5
SIZES = (16, 8, 6, 4)


def method_of(density=FORWARD, more=BACKWARD - FORWARD, every=EVERY, **plan):
    plan = with_defaults(EdgePlan, density=density, **plan)
    return TopKast(plan, more, every, PENALTY)


def top(weights, density):
    """The share `density` of each layer with the largest |w|."""
    masks = []
    for weight in weights:
        order = np.argsort(-np.abs(weight), axis=None)
        mask = np.zeros(weight.size)
        mask[order[: round(density * weight.size)]] = 1
        masks.append(mask.reshape(weight.shape))
    return masks


def test_a_hundred_updates_are_the_published_ones():
    run = loops.run_of(SGD(momentum=0.0), method_of(), lr=LR, model=network(SIZES))
    weights = [layer.weight.detach().numpy().copy() for layer in linear(network(SIZES))]
    biases = [layer.bias.detach().numpy().copy() for layer in linear(network(SIZES))]
    a, b = top(weights, FORWARD), top(weights, BACKWARD)
    for now in range(STEPS):
        sparse = [w * mask for w, mask in zip(weights, a, strict=True)]
        grads = slopes(sparse, biases, now)
        for i in range(3):
            penalty = np.where(a[i] == 1, 1.0, np.where(b[i] == 1, 1 / FORWARD, 0.0))
            weights[i] = weights[i] - LR * (grads[i] * b[i] + PENALTY * penalty * weights[i])
            biases[i] = biases[i] - LR * grads[3 + i]
        if (now + 1) % EVERY == 0:
            a, b = top(weights, FORWARD), top(weights, BACKWARD)
        update(run)
    pairs = zip(linear(run.model), run.method_state.dense, run.method_state.memory, strict=True)
    for i, (layer, dense, backward) in enumerate(pairs):
        mine = layer.weight.detach().numpy()
        assert np.allclose(dense.numpy(), weights[i], atol=1e-6)
        assert np.allclose(mine, weights[i] * a[i], atol=1e-6)
        assert np.array_equal(mine != 0, a[i] == 1)
        assert np.array_equal(backward.numpy(), b[i] == 1)
        assert np.allclose(layer.bias.detach().numpy(), biases[i], atol=1e-6)


def test_weights_outside_the_backward_set_stand_still_under_momentum_and_decay():
    run = loops.run_of(
        SGD(momentum=0.9, weight_decay=0.1), method_of(every=5), model=loops.network()
    )
    for _ in range(4):  # up to the choice
        loops.train(run, 5)
        kept = [x.clone() for x in run.method_state.dense]
        loops.train(run, 4)
        state = run.method_state
        for before, after, b in zip(kept, state.dense, state.memory, strict=True):
            assert torch.equal(before[~b], after[~b])
            assert not torch.equal(before[b], after[b])
        loops.train(run, 1)


@pytest.mark.parametrize("allocation", ["uniform", "er", "erk"])
def test_counts_are_exact(allocation):
    run = loops.train(loops.run_of(Adam(), method_of(0.3, 0.3, allocation=allocation)), 20)
    live = round(0.3 * loops.PRUNABLE)
    measures = run.method.measures(run)
    assert measures["sparsity"] == 1 - live / loops.PRUNABLE
    assert measures["target_sparsity"] == 0.7
    assert sum(int((w != 0).sum()) for w in run.method_state.weights) == live
    assert sum(int(b.sum()) for b in run.method_state.memory) == round(0.6 * loops.PRUNABLE)


def test_initial_weights_may_be_enlarged():
    run = loops.run_of(Adam(), method_of(init="live"))
    first = loops.network()[0].weight
    live = run.method_state.live[0]
    gain = (9 / live.flatten(1).sum(1).clamp_min(1)).sqrt().view(-1, 1, 1, 1)
    assert torch.allclose(run.method_state.dense[0], first * gain)


def test_more_than_all_weights_are_all():
    run = loops.train(loops.run_of(Adam(), method_of(0.5, 0.7)), 20)
    assert all(bool(b.all()) for b in run.method_state.memory)


def test_a_network_without_a_masked_weight_is_refused():
    with pytest.raises(CannotTrain, match="CONFIG_SPARSE_DENSITY=1"):
        loops.run_of(Adam(), method_of(1.0))
