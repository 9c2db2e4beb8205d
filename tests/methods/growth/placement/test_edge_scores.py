"""Scores of edges against formulas."""

import torch
from torch import nn

from espalier.methods.growth.placement import edge_scores


def test_the_gradient_is_that_of_every_edge_and_nothing_changes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 3)).double()
    weight = model[1].weight
    with torch.no_grad():
        weight[:, 2:] = 0
    x, y = torch.randn(7, 5, dtype=torch.float64), torch.arange(7) % 3
    (found,) = edge_scores.gradient(model, [weight], (x, y))
    errors = model[1](x).softmax(1) - nn.functional.one_hot(y, 3)
    expected = (errors.T @ x / 7).abs().detach()
    assert torch.allclose(found, expected, atol=1e-12) and found.all()
    assert weight.grad is None and model.training and model[0].training


def test_a_weight_that_the_loss_does_not_depend_on_is_not_wanted():
    used, unused = nn.Linear(2, 2), nn.Linear(2, 2)
    batch = torch.ones(3, 2), torch.zeros(3, dtype=torch.int64)
    found = edge_scores.gradient(used, [used.weight, unused.weight], batch)
    assert found[0].any() and not found[1].any()


def test_momentum_is_a_size():
    (found,) = edge_scores.momentum([torch.tensor([-2.0, 1.0])])
    assert found.tolist() == [2.0, 1.0]


def test_random_scores_are_the_generators():
    weights = [torch.zeros(3, 4), torch.zeros(2, 3)]
    one, two = (edge_scores.random(weights, torch.Generator().manual_seed(s)) for s in (1, 1))
    assert [s.shape for s in one] == [(3, 4), (2, 3)]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
