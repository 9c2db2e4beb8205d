"""When weights were born, as rates of single parts ask for it."""

import torch
from torch import nn

from espalier.core.birth_record import GrowthEvent
from espalier.methods.apoptosis.managers import NeuronApoptosisManager


def manager():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    return NeuronApoptosisManager(model, apoptosis_interval=1000)


def replace(manager, step, layer, slots):
    manager.lineage.record_deaths(step, layer, slots, [0.0] * len(slots))
    manager.lineage.record_births(step, layer, slots)


def test_a_weight_is_as_old_as_the_younger_of_the_neurons_it_joins():
    made = manager()
    first, _, second, _, head = made.model
    ages = made.weight_ages
    assert int(ages.birth_steps(first.weight).max()) == 0
    assert ages.growths() == []
    replace(made, 10, "0", [1])
    assert ages.birth_steps(first.weight).tolist() == [[0, 0], [10, 10], [0, 0]]
    assert ages.birth_steps(first.bias).tolist() == [0, 10, 0]
    assert ages.birth_steps(second.weight)[0].tolist() == [0, 10, 0]
    replace(made, 20, "2", [0])
    replace(made, 20, "0", [2])
    assert ages.birth_steps(second.weight).tolist() == [[20, 20, 20], *[[0, 10, 20]] * 3]
    assert ages.birth_steps(head.weight).tolist() == [[20, 0, 0, 0]] * 2
    assert ages.birth_steps(head.bias) is None
    assert [(g.step, set(g.layers)) for g in ages.growths()] == [(10, {"0"}), (20, {"0", "2"})]
    assert ages.growths()[0] == GrowthEvent(10, ("0",))
