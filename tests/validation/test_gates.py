"""Planted faults are caught, five of five, and five healthy networks pass everything."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import entry_tasks
import pytest
import torch
from torch import nn

from espalier.core.trial import Task
from espalier.optimizers.adam import Adam
from espalier.train import worker_entry
from espalier.train.trainer import Trainer
from espalier.validation.flow import Flow, Layer, flow
from espalier.validation.gate import Gate, entropy, shares, wilson_low
from espalier.validation.gates import bound, gates

QUICK = {"NUM_EPOCHS": "6", "OPTIMIZER": "adam", "PRUNING_METHOD": "none", "MLP_WIDTH": "32"}
HEALTHY = ["mlp", "sparse_mlp", "dendritic_simple", "dendritic_with_hidden", "soma_disabled"]

START, HEART, CHANCE, END, SHUFFLED = (
    "gradients at the start",
    "learning a batch by heart",
    "better than chance",
    "gradients when trained",
    "chance with shuffled labels",
)


@functools.cache
def task(model: str) -> Task:
    return entry_tasks.task({**QUICK, "MODEL": model}, entry_tasks.SETTINGS)


def fresh(model: str = "mlp") -> Trainer:
    return worker_entry.prepare(task(model))[0]


def linear(trainer: Trainer) -> list[nn.Linear]:
    return [module for module in trainer.run.model.modules() if isinstance(module, nn.Linear)]


@torch.no_grad()
def zero_layer() -> Trainer:
    trainer = fresh()
    linear(trainer)[-1].weight.zero_()
    return trainer


def no_rate() -> Trainer:
    trainer = fresh()
    return replace(trainer, recipe=replace(trainer.recipe, learning_rate=0.0))


@torch.no_grad()
def dead_units() -> Trainer:
    trainer = fresh()
    linear(trainer)[0].bias.fill_(-10.0)
    return trainer


def deep_sigmoids() -> Trainer:
    trainer = fresh()
    torch.manual_seed(1)
    middle = [part for _ in range(12) for part in (nn.Linear(32, 32), nn.Sigmoid())]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *middle, nn.Linear(32, 10))
    trainer.run.model, trainer.run.optimizer = model, Adam().build(model, 0.001)
    return trainer


def wrong_labels() -> Trainer:
    trainer = fresh()
    train = trainer.run.train
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(5))
    trainer.run.train = replace(train, y=train.y[order])
    return trainer


FAULTS = {
    zero_layer: START,
    no_rate: HEART,
    dead_units: START,
    deep_sigmoids: START,
    wrong_labels: CHANCE,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_the_gate_for_it(fault: Callable[[], Trainer]) -> None:
    assert next(gate.name for gate in gates(fault) if not gate.passed) == FAULTS[fault]


def test_a_network_of_dead_units_fails_whatever_is_asked_of_it() -> None:
    failed = [gate.name for gate in gates(dead_units) if not gate.passed]
    assert failed == [START, HEART, CHANCE, END]


@pytest.mark.parametrize("model", HEALTHY)
def test_a_healthy_network_passes(model: str) -> None:
    found = list(gates(lambda: fresh(model)))
    assert [gate.name for gate in found] == [START, HEART, CHANCE, END, SHUFFLED]
    assert [gate.line for gate in found if not gate.passed] == []


def test_labels_that_get_in_elsewhere_are_seen() -> None:
    """Shuffling is undone: as if the loop read its labels from another place."""

    def leaking() -> Trainer:
        trainer = fresh()
        whole = trainer.run.validation
        true = whole.x.flatten(1).sum(1)  # a number that tells each sample

        class Leak(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.scale = nn.Parameter(torch.tensor(0.1))
                self.learner = nn.Linear(64, 10)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                near = (x.flatten(1).sum(1)[:, None] - true[None]).abs().min(1)
                known = (
                    nn.functional.one_hot(whole.y[near.indices], 10) * (near.values < 1e-4)[:, None]
                )
                return self.scale * self.learner(x.flatten(1)) + 50.0 * known

        model = Leak()
        trainer.run.model, trainer.run.optimizer = model, Adam().build(model, 0.001)
        return trainer

    (last,) = [gate for gate in gates(leaking) if gate.name == SHUFFLED]
    assert not last.passed


def test_looking_at_gradients_leaves_the_run_as_it_is() -> None:
    trainer = fresh()
    before = [p.detach().clone() for p in trainer.run.model.parameters()]
    random = torch.get_rng_state()
    assert flow(trainer).ratio < 100
    assert all(p.grad is None for p in trainer.run.model.parameters())
    pairs = zip(before, trainer.run.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert torch.equal(random, torch.get_rng_state())


def test_a_flow_is_as_good_as_its_smallest_layer() -> None:
    found = Flow((Layer("a", 2.0, 0.1), Layer("b", 0.5, 0.4)))
    assert found.ratio == 4.0
    assert found.weakest.name == "b"
    assert found.most_silent.name == "b"
    assert Flow((Layer("a", 2.0, 0.0), Layer("b", 0.0, 1.0))).ratio == float("inf")


def test_what_chance_would_do() -> None:
    assert shares(torch.tensor([0, 1, 1, 3])) == [0.25, 0.5, 0.25]
    # 9 of 10 at one sigma: (0.9 + 0.05 - sqrt(0.1 * (0.09 + 0.025))) / 1.1
    assert wilson_low(0.9, 10, 1.0) == pytest.approx((0.95 - 0.0115**0.5) / 1.1)
    # ten equal classes, two networks, many samples: 0.1 + 3 sqrt(0.09 * 0.1 / 2)
    assert bound([0.1] * 10, 10**12, 2) == pytest.approx(0.1 + 3 * 0.0045**0.5)
    assert bound([0.5, 0.5], 10**12, 1) == 1.0  # luck with two classes explains anything
    assert entropy([0.25, 0.25, 0.5]) == pytest.approx(1.5 * math.log(2))


def test_a_gate_tells_its_verdict() -> None:
    gate = Gate("name", False, "why", {"ratio": float("inf")})
    assert gate.told() == "FAIL  name: why"
    assert gate.as_json()["numbers"] == {"ratio": None}
