"""The snippets that users bring along, and strategies of their own."""

import sys

import module_hooks
import pytest
import surgery_bodies
import torch
from apoptosis_cases import Training
from torch import nn

import espalier

STANDARD = """
from espalier import NeuronApoptosisManager

manager = NeuronApoptosisManager(
    model=model,
    target_layers=['blocks.0.ffn.0', 'blocks.1.ffn.0', ...],
    prune_rate=0.10,
    apoptosis_interval=500,
    fitness_metric='grad_activation',
    mutation_strength=0.3
)
"""
FUNCTIONAL = """
from espalier import FunctionalPreservationApoptosis

manager = FunctionalPreservationApoptosis(
    model=model,
    target_layers=['blocks.0.ffn.0', ...],
    prune_rate=0.10,
    apoptosis_interval=500,
    mutation_strength=0.3,
    preservation_steps=50
)
"""
HYBRID = """
from espalier import HybridGrowthAndDeath

manager = HybridGrowthAndDeath(
    model=model,
    target_layers=['blocks.0.ffn.0', ...],
    turnover_rate=0.05,  # 5% birth + 5% death
    interval=500,
    mutation_strength=0.3
)
"""
USAGE = """
import torch
from espalier import FunctionalPreservationApoptosis

# Your model
model = YourTransformer(...)

# Create apoptosis manager
manager = FunctionalPreservationApoptosis(
    model=model,
    target_layers=[f'blocks.{i}.ffn.0' for i in range(6)],
    prune_rate=0.10,
    apoptosis_interval=500,
    mutation_strength=0.3
)

# Training loop
for step, (x, y) in enumerate(dataloader):
    # Forward + backward
    loss = train_step(model, x, y)

    # Apoptosis (every 500 steps)
    manager.step()

# Check events
print(f"Apoptosis events: {len(manager.apoptosis_events)}")
"""
OWN = """
from espalier import NeuronApoptosisManager

class MyStrategy(NeuronApoptosisManager):
    def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
        # Your custom regrowth logic
        pass
"""


def transformer():
    torch.manual_seed(0)
    blocks = [surgery_bodies.FeedForward(8, 40) for _ in range(6)]
    return nn.ModuleDict({"blocks": nn.Sequential(*blocks)})


def train_step(model, x, y):
    model.zero_grad()
    loss = (model["blocks"](x) - y).square().mean()
    loss.backward()
    return loss


def data():
    return [(torch.randn(4, 8), torch.randn(4, 8)) for _ in range(3)]


def test_the_documents_own_words_work_under_the_old_names(monkeypatch):
    for name in ("src", "src.neuron_apoptosis_fixed", "smooth_apoptosis"):
        monkeypatch.setitem(sys.modules, name, espalier)
    names = {"model": transformer()}
    exec(HYBRID.replace("from espalier", "from src"), names)
    exec("from smooth_apoptosis import FunctionalPreservationApoptosis", names)
    exec(OWN.replace("from espalier", "from src.neuron_apoptosis_fixed"), names)
    exec("num_events = len(manager.apoptosis_mgr.apoptosis_events)", names)
    assert names["num_events"] == 0
    assert issubclass(names["MyStrategy"], espalier.NeuronApoptosisManager)


@pytest.mark.parametrize("snippet", [STANDARD, FUNCTIONAL, HYBRID])
def test_the_snippets_of_the_first_readme_run(snippet):
    names = {"model": transformer()}
    exec(snippet, names)
    manager = names["manager"]
    assert [population.name for population in manager.populations] == [
        f"blocks.{i}.ffn.0" for i in range(6)
    ]
    for x, y in data():
        train_step(names["model"], x, y)
        manager.step()


def test_so_does_its_loop(capsys):
    def your_transformer(arguments):
        assert arguments is ...
        return transformer()

    names = {"YourTransformer": your_transformer, "dataloader": data() * 167}
    exec(USAGE, names | {"train_step": train_step})
    assert capsys.readouterr().out == "Apoptosis events: 0\n"  # 501 steps: one has begun


def test_a_strategy_of_ones_own():
    names = {}
    exec(OWN, names)
    model = transformer()
    manager = names["MyStrategy"](model, ["blocks.*.ffn.0"], apoptosis_interval=2)
    for x, y in data():
        train_step(model, x, y)
        manager.step()
    assert [event.count for event in manager.apoptosis_events] == [4] * 6
    assert (model["blocks"][0].ffn[0].weight.norm(dim=1) == 0).sum() == 4  # nobody was born


def test_a_strategy_of_ones_own_behind_a_normalisation():
    class Doubles(espalier.ContinuousTurnoverApoptosis):
        def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
            layer.weight[dying_indices] = -layer.weight[healthy_indices[: len(dying_indices)]]

    training = Training(Doubles, surgery_bodies.conv, target_layers=["0"]).go(5)
    training.update()
    before = training.logits()
    training.manager.step()
    drift = (training.logits() - before).abs().max()
    (event,) = training.manager.apoptosis_events
    born = [e.slot for e in training.manager.lineage.events if e.op == "birth"]
    read = training.model[3].weight
    assert event.count == len(born) == 2 and drift < 1 and not read[:, born].any()
    training.go(1)
    assert (read[:, born].flatten(2).norm(dim=(0, 2)) > 0).all()  # somebody is there to be read


def test_births_that_cannot_be_are_refused_at_once():
    model = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 2))
    with pytest.raises(ValueError, match="0 at 0: Sigmoid"):
        espalier.ContinuousTurnoverApoptosis(model, birth="gradmax")
    assert module_hooks.count(model) == 0
