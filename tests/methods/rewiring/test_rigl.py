"""The grow criterion of RigL, and uniform scores, against formulas."""

import torch
from torch import nn

from espalier.methods.rewiring.rigl import dense_gradients
from espalier.methods.rewiring.sparse_training import draw_uniform


def test_the_gradient_is_that_of_every_edge_and_nothing_changes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 3)).double()
    weight = model[1].weight
    with torch.no_grad():
        weight[:, 2:] = 0
    x, y = torch.randn(7, 5, dtype=torch.float64), torch.arange(7) % 3
    (scores,) = dense_gradients(model, [weight], (x, y))
    errors = model[1](x).softmax(1) - nn.functional.one_hot(y, 3)
    expected = (errors.T @ x / 7).abs().detach()
    assert torch.allclose(scores, expected, atol=1e-12) and scores.all()
    assert weight.grad is None and model.training and model[0].training


def test_a_weight_that_the_loss_does_not_depend_on_scores_0():
    used, unused = nn.Linear(2, 2), nn.Linear(2, 2)
    batch = torch.ones(3, 2), torch.zeros(3, dtype=torch.int64)
    scores = dense_gradients(used, [used.weight, unused.weight], batch)
    assert scores[0].any() and not scores[1].any()


def test_random_scores_are_the_generators():
    weights = [torch.zeros(3, 4), torch.zeros(2, 3)]
    first, second = (draw_uniform(weights, torch.Generator().manual_seed(s)) for s in (1, 1))
    assert [s.shape for s in first] == [(3, 4), (2, 3)]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
