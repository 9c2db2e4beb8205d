"""Selection of what is redundant, and births that do what no other neuron does."""

import pytest
import surgery_bodies
import torch
from apoptosis_cases import Training, generator
from torch import nn

import espalier
from espalier.methods.apoptosis.replacement.orthogonal_neurons import (
    select_redundant,
    unused_directions,
)
from espalier.surgery import death
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.probe import Statistics


def statistics_of(activations):
    """As if the consumer had been given `activations` (samples, neurons)."""
    size = activations.shape[1]
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, size), nn.ReLU(), nn.Linear(size, 2)))
    statistics = Statistics(pair)
    statistics.add(activations)
    return statistics


def test_of_two_that_do_the_same_one_goes():
    x = torch.randn(5000, 4, generator=generator())
    twin = x[:, :1] + 0.01 * torch.randn(5000, 1, generator=generator(1))
    seen, all_grown = statistics_of(torch.cat([x, twin], 1)), torch.ones(5, dtype=torch.bool)
    gone = select_redundant(seen, torch.tensor([1.0, 0.9, 0.8, 0.7, 0.95]), all_grown, 2).slots
    # of 0 and 4 the less fit; then 0 is as unique as the others, and 3 is the least fit
    assert gone.tolist() == [4, 3]
    young = torch.tensor([True, True, True, True, False])
    assert select_redundant(seen, torch.ones(5), young, 1).slots.tolist() == [0]


def test_redundancy_is_that_among_those_left():
    """Against the definition: inverting anew after each death."""
    x = torch.randn(400, 12, generator=generator()) @ torch.randn(12, 12, generator=generator(1))
    seen, fitness = statistics_of(x), torch.rand(12, generator=generator(2)) + 0.5
    length = seen.scatter.diagonal().sqrt()
    correlation = (seen.scatter / torch.outer(length, length)).double()
    correlation += death.RIDGE * 12 / 400 * torch.eye(12)
    left, expected = list(range(12)), []
    for _ in range(5):
        inverse = correlation[left][:, left].inverse().diagonal()
        expected.append(left[int((fitness[left] / inverse).argmin())])
        left.remove(expected[-1])
    assert (
        select_redundant(seen, fitness, torch.ones(12, dtype=torch.bool), 5).slots.tolist()
        == expected
    )


def test_who_goes_is_expressed_by_who_stays():
    """Against the definition: a ridge that is a share of each survivor's own variance."""
    x = torch.randn(300, 9, generator=generator()) @ torch.randn(9, 9, generator=generator(1))
    x[:, 2] = 1.5  # does nothing but add a constant
    seen, fitness = statistics_of(x), torch.rand(9, generator=generator(2)) + 0.5
    redundant = select_redundant(seen, fitness, torch.ones(9, dtype=torch.bool), 3)
    assert redundant.slots[0] == 2
    fold, ridge = redundant.fold(seen), death.RIDGE * 9 / 300
    covariance = seen.scatter.double() / seen.count
    inner, across = (
        covariance[fold.alive][:, fold.alive],
        covariance[fold.alive][:, redundant.slots],
    )
    blend = (inner + ridge * inner.diagonal().diag()).inverse() @ across
    rest = (
        covariance[redundant.slots][:, redundant.slots]
        - 2 * across.T @ blend
        + blend.T @ inner @ blend
    )
    assert torch.allclose(fold.blend.double(), blend, atol=1e-4)
    assert torch.allclose(fold.rest.double(), rest, atol=1e-4)
    usual = x.mean(0).double()
    constant = usual[redundant.slots] - usual[fold.alive] @ blend
    assert torch.allclose(fold.constant.double(), constant, atol=1e-4)


@pytest.mark.parametrize(("neurons", "inputs"), [(6, 20), (40, 10)])
def test_newborns_look_where_nobody_looks(neurons, inputs):
    rows = torch.randn(neurons, inputs, generator=generator())
    directions = unused_directions(rows, 4, generator(1))
    unit = directions / directions.norm(dim=1, keepdim=True)
    assert torch.allclose(unit @ unit.T, torch.eye(4), atol=1e-5)
    assert torch.allclose(directions.norm(dim=1), rows.norm(dim=1).mean())
    spread = torch.linalg.eigvalsh(rows.T @ rows)
    used = (rows @ unit.T).square().sum()
    least, average = float(spread[:4].sum()), float(spread.mean() * 4)
    # nothing where there is a null space, and nearly as little as can be where there is none
    assert least - 1e-3 <= used < least + 0.3 * (average - least)


def test_more_newborns_than_directions():
    training = Training(
        espalier.OrthogonalApoptosis,
        lambda: (nn.Sequential(nn.Linear(2, 20), nn.ReLU(), nn.Linear(20, 2)), torch.randn(30, 2)),
    )
    training.go(7)
    assert training.model[0].weight.norm(dim=1).min() > 0


@pytest.mark.parametrize("parts", [(True, False), (False, True)])
def test_either_part_alone(parts):
    keywords = dict(zip(("orthogonal_selection", "orthogonal_birth"), parts, strict=True))
    manager = Training(espalier.OrthogonalApoptosis, surgery_bodies.mlp, **keywords).go(7).manager
    born = [event for event in manager.lineage.events if event.op == "birth" and event.step > 0]
    assert all(bool(event.parents) != parts[1] for event in born)


def test_neither_part_is_nothing():
    with pytest.raises(ValueError, match="orthogonal_birth"):
        Training(
            *(espalier.OrthogonalApoptosis, surgery_bodies.mlp),
            **{"orthogonal_selection": False, "orthogonal_birth": False},
        )
