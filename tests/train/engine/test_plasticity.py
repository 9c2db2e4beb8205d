"""Measures of plasticity against their formulas written anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
import reference_plasticity
import torch
from torch import nn
from torch.nn import functional as F
from trial_tasks import TEXT, small_task

from espalier.core.trial import Status
from espalier.train import worker_entry
from espalier.train.engine.plasticity import (
    NAMES,
    count_dormant,
    measure_plasticity,
    rank,
    unit_means,
)


def test_dormant_and_dead_by_hand() -> None:
    # means 1 and 2: at most 0.1 and 0.2 is dormant, and what is 0 is dead
    layers = [torch.tensor([0.0, 0.09, 1.91, 2.0]), torch.tensor([0.0, 0.21, 5.79])]
    numbers = count_dormant([layer.double() for layer in layers])
    assert numbers == {"dormant_share": 3 / 7, "dead_share": 2 / 7, "dead_units": 2}


def test_ranks_by_hand() -> None:
    shares = np.array([0.9, 0.0895, 0.0105])
    numbers = rank(torch.diag(torch.tensor(shares * 7)))
    assert numbers["effective_rank"] == 3  # the first two are 0.9895
    assert numbers["entropy_rank"] == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))
    assert rank(torch.diag(torch.tensor([0.9, 0.0905, 0.0095])))["effective_rank"] == 2
    assert rank(torch.eye(6))["effective_rank"] == 6
    assert rank(torch.eye(6))["entropy_rank"] == pytest.approx(6)
    assert rank(torch.zeros(4, 3)) == {"effective_rank": 0, "entropy_rank": 0.0}


def test_units_of_maps_are_channels_and_of_text_the_last_dimension() -> None:
    maps = torch.zeros(2, 3, 4, 5)
    maps[:, 1] = -2
    assert unit_means(maps).tolist() == [0, 2, 0]
    places = torch.zeros(2, 4, 3)
    places[0, :, 2] = 1
    assert unit_means(places).tolist() == [0, 0, 0.5]


def test_a_network_by_hand() -> None:
    model = reference_plasticity.network()
    reference, split = reference_plasticity.Reference(model), reference_plasticity.data()
    model[1].weight.data[2], model[1].bias.data[2] = 0, -1  # a dead unit
    reference = reference_plasticity.Reference(model)
    chosen = reference_plasticity.places(0)
    numbers = measure_plasticity(model, (split.x[chosen], split.y[chosen]))
    outputs = reference.activations(0)
    scores = [np.abs(a).mean(0) for a in outputs[1:3]]
    dormant = sum(int((s <= 0.1 * s.mean()).sum()) for s in scores)
    dead = sum(int((s == 0).sum()) for s in scores)
    assert dead >= 1 and numbers["dead_units"] == dead and numbers["dead_share"] == dead / 12
    assert numbers["dormant_share"] == dormant / 12
    values = np.linalg.svd(outputs[2], compute_uv=False)
    shares = values / values.sum()
    assert numbers["effective_rank"] == next(
        k + 1 for k in range(len(shares)) if shares[: k + 1].sum() >= 0.99
    )
    grads = reference.gradients(0)
    for name, tensors in (("weight_norm", reference.values), ("gradient_norm", grads)):
        length = math.sqrt(sum((x**2).sum() for x in tensors))
        assert numbers[name] == pytest.approx(length, abs=1e-9)


def test_it_leaves_the_network_as_it_is() -> None:
    model = nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2)
    )
    model.train()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    random = torch.get_rng_state()
    measure_plasticity(model, (torch.randn(8, 4, generator=torch.Generator()), torch.arange(8) % 2))
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters()) and model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("more", [{}, {"MODEL": "lenet5"}, TEXT], ids=["mlp", "cnn", "transformer"])
def test_every_task_end_and_the_result_have_them(more: dict[str, str]) -> None:
    values = {"PRUNING_METHOD": "none", "SHIFT": "labels", "SHIFT_EPOCHS": "2", "NUM_EPOCHS": "4"}
    result = worker_entry.train_trial(small_task(**{"TRAIN_SUBSET": "40", **values, **more}))
    assert result.status is Status.PASSED, result.message
    assert [set(NAMES) <= set(record) for record in result.history] == [False, True] * 2
    for name in NAMES:
        first, last = result.history[1][name], result.history[3][name]
        assert result.measures[f"first_{name}"] == first
        assert result.measures[f"last_{name}"] == last
        assert result.measures[f"mean_{name}"] == pytest.approx((first + last) / 2)
    assert result.measures["last_effective_rank"] >= 1 and result.measures["last_weight_norm"] > 0


def test_the_loss_of_text_is_a_mean_over_characters() -> None:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    x, y = torch.tensor([[0, 1], [2, 3]]), torch.tensor([[1, 2], [3, 4]])
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    grads = torch.autograd.grad(loss, list(model.parameters()))
    length = math.sqrt(sum(float(g.double().square().sum()) for g in grads))
    assert measure_plasticity(model, (x, y))["gradient_norm"] == pytest.approx(length, rel=1e-5)
