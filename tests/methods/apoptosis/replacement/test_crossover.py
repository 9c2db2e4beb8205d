"""Newborns of two parents."""

import pytest
import surgery_bodies
import torch
from apoptosis_cases import Training
from torch import nn

import espalier
from espalier.methods.apoptosis.replacement.crossover import MODES


@pytest.mark.parametrize("mode", MODES)
def test_a_child_has_two_parents_and_their_length(mode):
    training = Training(
        *(espalier.CrossoverApoptosis, surgery_bodies.mlp),
        **{"crossover_mode": mode, "mutation_strength": 0.0, "target_layers": ["3"]},
    )
    training.go(6)
    strategy = training.manager
    born = [event for event in strategy.lineage.events if event.op == "merge"]
    assert len(born) == sum(event.count for event in strategy.apoptosis_events)
    slots = {layer: strategy.lineage.ids(layer) for layer in strategy.lineage.layers}
    rows = {c.name: c.site.pair.producer.weight.detach() for c in strategy.populations}
    for event in born:
        (first, share), (second, rest) = event.parents
        assert first != second and share + rest == pytest.approx(1)
        parents = [rows[event.layer][slots[event.layer].index(who)] for who in (first, second)]
        child = rows[event.layer][event.slot]
        if mode == "mask":
            assert ((child == parents[0]) | (child == parents[1])).all()
            assert (child == parents[0]).float().mean().item() == pytest.approx(share)
        else:
            usual = torch.stack(parents).norm(dim=1).mean()
            assert child.norm().item() == pytest.approx(usual.item(), rel=1e-4)


def test_shares_follow_fitness():
    training = Training(
        *(espalier.CrossoverApoptosis, surgery_bodies.mlp),
        **{"crossover_mode": "fitness_weighted", "fitness_metric": "weight"},
    )
    training.go(5)
    training.update()
    strategy = training.manager
    name = strategy.populations[0].name
    fitness = dict(
        zip(
            strategy.lineage.ids(name),
            strategy.populations[0].site.pair.incoming().norm(dim=1).tolist(),
            strict=True,
        )
    )
    strategy.step()
    for event in strategy.lineage.events:
        if event.op == "merge" and event.layer == name:
            (first, share), (second, _) = event.parents
            expected = fitness[first] / (fitness[first] + fitness[second])
            assert share == pytest.approx(expected, rel=1e-3)


def test_one_survivor_has_children_alone():
    def pair():
        return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)), torch.randn(8, 3)

    training = Training(espalier.CrossoverApoptosis, pair, prune_rate=0.5)
    training.go(6)
    (event,) = [e for e in training.manager.lineage.events if e.step > 0 and e.op != "death"]
    assert event.op == "birth" and len(event.parents) == 1


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="crossover_mode='swap': must be one of uniform"):
        Training(espalier.CrossoverApoptosis, surgery_bodies.mlp, crossover_mode="swap")
