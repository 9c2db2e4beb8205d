"""Continual backpropagation and ReDo beside plain transcriptions of what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espalier import ContinualBackprop, ReDo
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ANY_RATE,
    ApoptosisOptions,
    Victims,
)

STEPS, LAYERS = 150, 2  # hidden layers
Rows = list[int]


@dataclass
class Published:
    """The net, the optimizer and the rule, in loops over single neurons."""

    weights: list[Tensor]
    biases: list[Tensor]
    bounds: list[float]
    lr: float
    adam: bool
    generator: torch.Generator
    moments: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        parameters = [*self.weights, *self.biases]
        self.moments = [[torch.zeros_like(p) for _ in range(3)] for p in parameters]
        widths = [len(bias) for bias in self.biases[:LAYERS]]
        self.age = [[0] * width for width in widths]
        self.utility = [[0.0] * width for width in widths]
        self.mean = [[0.0] * width for width in widths]
        self.owed = [0.0] * LAYERS

    def update(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """Take a step of SGD, or of an Adam with a count for each weight; return activations."""
        parameters = [p.requires_grad_() for p in (*self.weights, *self.biases)]
        hidden: list[Tensor] = []
        for weight, bias in zip(self.weights[:LAYERS], self.biases[:LAYERS], strict=True):
            x = torch.relu(x @ weight.T + bias)
            hidden.append(x)
        loss = (x @ self.weights[-1].T + self.biases[-1] - y).square().mean()
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, slope, held in zip(parameters, slopes, self.moments, strict=True):
                p.requires_grad_(False)
                p.sub_(self.lr * (self._adam(slope, held) if self.adam else slope))
        return [h.detach() for h in hidden]

    def _adam(self, slope: Tensor, held: list[Tensor]) -> Tensor:
        first, second, count = held
        count += 1
        first.mul_(0.9).add_(0.1 * slope)
        second.mul_(0.999).add_(0.001 * slope * slope)
        root = (second / (1 - 0.999**count)).sqrt() + 1e-8
        return first / (1 - 0.9**count) / root

    def renew(self, layer: int, victims: Rows, fold: bool) -> None:
        """Draw incoming weights anew; no bias, no outgoing weights, no optimizer state."""
        if not victims:
            return
        weight, reader, bound = self.weights[layer], self.weights[layer + 1], self.bounds[layer]
        drawn = torch.empty(len(victims), weight.shape[1], dtype=weight.dtype)
        drawn.uniform_(-bound, bound, generator=self.generator)
        for place, i in enumerate(victims):
            if fold:
                corrected = self.mean[layer][i] / (1 - 0.99 ** self.age[layer][i])
                self.biases[layer + 1] += reader[:, i] * corrected
            weight[i], self.biases[layer][i], reader[:, i] = drawn[place], 0.0, 0.0
            for held in self.moments[layer]:
                held[i] = 0.0
            for held in self.moments[layer + 1]:
                held[:, i] = 0.0
            for held in self.moments[LAYERS + 1 + layer]:
                held[i] = 0.0
            self.age[layer][i], self.utility[layer][i], self.mean[layer][i] = 0, 0.0, 0.0


def continual_backprop(net: Published, hidden: list[Tensor], adaptable: bool, fold: bool) -> None:
    """Nature 632, algorithm 1, with the utilities of their code."""
    victims = []
    for layer, features in enumerate(hidden):
        utilities = []
        for i in range(features.shape[1]):
            net.age[layer][i] += 1
            correction = 1 - 0.99 ** net.age[layer][i]
            feature = features[:, i]
            net.mean[layer][i] = 0.99 * net.mean[layer][i] + 0.01 * float(feature.mean())
            outgoing = float(net.weights[layer + 1][:, i].abs().mean())
            if adaptable:
                incoming = float(net.weights[layer][i].abs().mean())
                centred = feature - net.mean[layer][i] / correction
                new = outgoing * float(centred.abs().mean()) / incoming
            else:
                new = outgoing * float(feature.abs().mean())
            net.utility[layer][i] = 0.99 * net.utility[layer][i] + 0.01 * new
            utilities.append(net.utility[layer][i] / correction)
        eligible = [i for i, age in enumerate(net.age[layer]) if age > 20]
        net.owed[layer] += 0.017 * len(eligible)
        count = int(net.owed[layer])
        net.owed[layer] -= count
        victims.append(sorted(eligible, key=lambda i, u=utilities: u[i])[:count])
    for layer in range(LAYERS):
        net.renew(layer, victims[layer], fold)


def redo(net: Published, hidden: list[Tensor], step: int) -> None:
    """arXiv 2302.12902, equation 1 and algorithm 1; ages only to compare victims."""
    net.age = [[age + 1 for age in ages] for ages in net.age]
    if step % 20:
        return
    scores = [h.abs().mean(0) / h.abs().mean(0).mean() for h in hidden]
    for layer, score in enumerate(scores):
        dormant = [i for i in score.argsort(stable=True).tolist() if score[i] <= 0.3]
        net.renew(layer, dormant, fold=False)


def network(dtype: torch.dtype) -> nn.Sequential:
    torch.manual_seed(3)
    layers = [nn.Linear(6, 14), nn.ReLU(), nn.Linear(14, 11), nn.ReLU(), nn.Linear(11, 2)]
    return nn.Sequential(*layers).to(dtype)


def side_by_side(
    make: Callable[[nn.Module, torch.optim.Optimizer], ApoptosisManager],
    rule: Callable[[Published, list[Tensor], int], None],
    adam: bool,
    dtype: torch.dtype,
) -> tuple[float, int]:
    """Return the largest difference of weights, and deaths; ages agree after every step."""
    model, lr = network(dtype), 0.01 if adam else 0.1
    optimizer = (torch.optim.Adam if adam else torch.optim.SGD)(model.parameters(), lr=lr)
    manager = make(model, optimizer)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    published = Published(
        [layer.weight.detach().clone() for layer in linear],
        [layer.bias.detach().clone() for layer in linear],
        [population.law.std * 3**0.5 for population in manager.populations],
        *(lr, adam, torch.Generator().manual_seed(0)),
    )
    data, apart = torch.Generator().manual_seed(1), 0.0
    for step in range(1, STEPS + 1):
        x = torch.randn(8, 6, generator=data, dtype=dtype)
        y = torch.stack([x[:, 0] * x[:, 1], x[:, 2].sin()], 1)
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
        due, events = manager.due, len(manager.apoptosis_events)
        manager.step()
        assert due or len(manager.apoptosis_events) == events
        rule(published, published.update(x, y), step)
        if any(population.aged == step for population in manager.populations):
            ages = [population.fitness_ema.age.tolist() for population in manager.populations]
            assert ages == published.age, step
        ours = [layer.weight.detach() for layer in linear]
        ours += [layer.bias.detach() for layer in linear]
        both = zip(ours, [*published.weights, *published.biases], strict=True)
        apart = max(apart, *(float((a - b).abs().max()) for a, b in both))
    return apart, sum(population.died for population in manager.populations)


@pytest.mark.parametrize(
    ("adaptable", "fold", "adam", "dtype", "bound"),
    [
        (False, True, False, torch.float64, 1e-12),
        (True, False, False, torch.float64, 1e-12),
        (True, True, True, torch.float64, 1e-6),
        (False, True, False, torch.float32, 1e-5),
    ],
    ids=["contribution", "as their code runs", "adaptable, Adam", "float32"],
)
def test_continual_backprop_is_as_published(
    adaptable: bool, fold: bool, adam: bool, dtype: torch.dtype, bound: float
) -> None:
    kind = "adaptable_contribution" if adaptable else "contribution"
    apart, deaths = side_by_side(
        lambda model, optimizer: ContinualBackprop(
            model, None, 0.017, 20, util_type=kind, fold=fold, optimizer=optimizer
        ),
        lambda net, hidden, step: continual_backprop(net, hidden, adaptable, fold),
        *(adam, dtype),
    )
    assert apart < bound
    assert deaths > 30


@pytest.mark.parametrize("adam", [False, True])
def test_redo_is_as_published(adam: bool) -> None:
    apart, deaths = side_by_side(
        lambda model, optimizer: ReDo(model, None, 0.3, 20, optimizer=optimizer),
        redo,
        *(adam, torch.float64),
    )
    assert apart < (1e-6 if adam else 1e-12)
    assert deaths > 10


# Random victims: as many as the rule says


def chance_redo(net: Published, hidden: list[Tensor], step: int) -> None:
    """As many as are dormant, drawn at random."""
    net.age = [[age + 1 for age in ages] for ages in net.age]
    if step % 20:
        return
    for layer, features in enumerate(hidden):
        sizes = features.abs().mean(0)
        count = sum(float(size / sizes.mean()) <= 0.3 for size in sizes)
        if count:
            drawn = torch.randperm(len(sizes), generator=net.generator)[:count]
            net.renew(layer, drawn.tolist(), fold=False)


def chance_backprop(net: Published, hidden: list[Tensor], step: int) -> None:
    """A share of the mature, drawn at random; nothing is folded."""
    for layer, features in enumerate(hidden):
        net.age[layer] = [age + 1 for age in net.age[layer]]
        eligible = [i for i in range(features.shape[1]) if net.age[layer][i] > 20]
        net.owed[layer] += 0.017 * len(eligible)
        count = int(net.owed[layer])
        net.owed[layer] -= count
        if count:
            drawn = torch.randperm(len(eligible), generator=net.generator)[:count].tolist()
            net.renew(layer, [eligible[place] for place in drawn], fold=False)


def by_chance(model: nn.Module, optimizer: torch.optim.Optimizer) -> ApoptosisManager:
    options = ApoptosisOptions(ANY_RATE, 20, "activity", maturity=0, optimizer=optimizer)
    return ApoptosisManager(model, None, strategies.redo(0.3, "random"), options)


def backprop(
    victims: Victims, model: nn.Module, optimizer: torch.optim.Optimizer
) -> ApoptosisManager:
    options = ApoptosisOptions(0.017, 1, "utility", maturity=21, decay=0.99, optimizer=optimizer)
    strategy = strategies.continual_backprop(False, victims)
    return ApoptosisManager(model, None, strategy, options)


@pytest.mark.parametrize("adam", [False, True])
@pytest.mark.parametrize(
    ("make", "rule"),
    [(by_chance, chance_redo), (partial(backprop, "random"), chance_backprop)],
    ids=["ReDo", "continual backpropagation"],
)
def test_random_victims_are_as_many_as_the_rule_says(make, rule, adam: bool) -> None:
    apart, deaths = side_by_side(make, rule, adam, torch.float64)
    assert apart < (1e-6 if adam else 1e-12)
    assert deaths > 10


def trained(victims: Victims) -> ApoptosisManager:
    model = network(torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    manager = backprop(victims, model, optimizer)
    for step in range(STEPS):
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        manager.step()
    return manager


def test_continual_backprop_renews_as_many_at_each_step_whoever_dies() -> None:
    ours, control = trained("rule"), trained("random")
    assert ours.apoptosis_events == control.apoptosis_events
    assert sum(event.count for event in control.apoptosis_events) > 30
    dead = [manager.lineage.state_dict() for manager in (ours, control)]
    assert dead[0] != dead[1]


def test_what_cannot_be_is_said_under_the_name_that_was_given() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    wrong: list[tuple[type[ApoptosisManager], dict[str, Any]]] = [
        (ContinualBackprop, {"replacement_rate": 1.0}),
        (ContinualBackprop, {"decay_rate": 1.0}),
        (ContinualBackprop, {"maturity_threshold": -1}),
        (ContinualBackprop, {"util_type": "weight"}),
        (ReDo, {"threshold": float("nan")}),
        (ReDo, {"period": 2.5}),
    ]
    for kind, arguments in wrong:
        (name,) = arguments
        with pytest.raises(ValueError, match=f"^{name}=.*: must be "):
            kind(model, **arguments)


def test_bfloat16_is_averaged_in_float32() -> None:
    model = network(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    manager = ContinualBackprop(model, None, 0.1, 3, optimizer=optimizer)
    for step in range(12):
        optimizer.zero_grad()
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step)).bfloat16()
        model(x).square().mean().backward()
        optimizer.step()
        manager.step()
    assert manager.apoptosis_events
    assert manager.populations[0].fitness_ema.activation.dtype == torch.float32
