"""STR beside its paper: the reparameterization is differentiated by torch itself."""

import loops
import pytest
import torch
from plain_layers import linear, network, update
from torch.nn import functional as F

from espalier.methods.latent.soft_threshold import SoftThreshold
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD

STEPS, LR, RATE, DECAY, INIT = 100, 0.1, 3.0, 0.02, -5.0
SIZES = (16, 8, 6, 4)


def threshold(weight, s):
    """sign(w) * ReLU(|w| - sigmoid(s)), as published."""
    return torch.sign(weight) * torch.relu(torch.abs(weight) - torch.sigmoid(s))


def loss_of(weights, biases, thresholds, step):
    x, y = loops.batch(step)
    h = x.flatten(1).double()
    for i, (w, b, s) in enumerate(zip(weights, biases, thresholds, strict=True)):
        h = F.linear(torch.tanh(h) if i else h, threshold(w, s), b)
    return F.cross_entropy(h, y)


def test_a_hundred_updates_are_the_published_ones():
    run = loops.run_of(
        SGD(momentum=0.0), SoftThreshold(INIT, RATE, DECAY), lr=LR, model=network(SIZES)
    )
    layers = linear(network(SIZES))
    weights, biases = [a.weight for a in layers], [a.bias for a in layers]
    thresholds = [torch.tensor(INIT, dtype=torch.float64, requires_grad=True) for _ in layers]
    for now in range(STEPS):
        leaves = [*weights, *biases, *thresholds]
        grads = torch.autograd.grad(loss_of(weights, biases, thresholds, now), leaves)
        with torch.no_grad():
            for leaf, gradient in zip(leaves[:6], grads[:6], strict=True):
                leaf -= LR * gradient
            for s, gradient in zip(thresholds, grads[6:], strict=True):
                s -= LR * RATE * (gradient + DECAY * s)
        update(run)
    state = run.method_state
    for i, layer in enumerate(linear(run.model)):
        assert torch.allclose(state.memory[i], thresholds[i].detach(), atol=1e-6)
        assert torch.allclose(state.dense[i], weights[i].detach(), atol=1e-6)
        computed = threshold(weights[i], thresholds[i]).detach()
        assert torch.allclose(layer.weight.detach(), computed, atol=1e-6)
        assert torch.equal(layer.weight == 0, computed == 0)
        assert torch.allclose(layer.bias, biases[i], atol=1e-6)
    assert 0 < state.masks.pruned < state.masks.size
    assert all(s.item() > INIT for s in thresholds)


def test_counts_are_exact_and_there_is_no_target():
    run = loops.train(loops.run_of(Adam(), SoftThreshold(-2.5, 100.0, 0.01)), 20)
    zeros = sum(int((w == 0).sum()) for w in run.method_state.weights)
    measures = run.method.measures(run)
    assert measures["sparsity"] == zeros / loops.PRUNABLE > 0
    assert measures["live_parameters"] == sum(p.numel() for p in run.model.parameters()) - zeros
    assert "target_sparsity" not in measures


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_gradient_that_has_overflowed_leaves_the_thresholds(bad):
    run = loops.run_of(Adam(), SoftThreshold(-3.0, 100.0, 0.01))
    for weight in run.method_state.weights:
        weight.grad = torch.full_like(weight, bad)
    run.method.after_backward(run)
    assert [float(s) for s in run.method_state.memory] == [-3.0] * 3
