"""How well each measure of fitness ranks neurons: against what the loss is without each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from statistics import fmean
from typing import Any

import torch
from scipy import stats
from torch import Tensor, nn

from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation, observe
from espalier.methods.apoptosis.neurons.fitness import MEASURES, FitnessMetric, score
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import evaluating

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs and y to one loss a sample."""
INVERTED = "-"
"""What the name of a measure begins with that has been turned round."""
TOGETHER = 16  # neurons left out in one pass, each in a copy of the batch of its own


@dataclass(frozen=True)
class Row:
    """Of one layer: Spearman's rank correlation of a measure with true ablation, in -1..1.

    nan where either is the same for all neurons.
    """

    layer: str
    measure: str
    correlation: float


def fitness_report(
    model: nn.Module,
    pairs: Sequence[Pair],
    losses: Loss,
    batch: tuple[Tensor, Tensor],
    generator: torch.Generator,
) -> list[Row]:
    """A row for each layer and measure, the random one and the inverted ones among them.

    `losses` maps outputs and y to one loss a sample, of a `batch` (x, y) that both the truth and
    the measures see; 16 copies of it go through the model at once. Layers are in their order, and
    measures in one order within each. The model and its gradients are left as they were.
    """
    with _gradients(model, losses, batch):
        observations = observe(pairs, model, partial(_mean, losses), batch)
        scored = [_scored(each, generator) for each in observations]
    rows = []
    for pair, fitness in zip(pairs, scored, strict=True):
        truth = ablation(pair, model, losses, batch)
        rows += [Row(pair.name, *row) for row in correlations(truth, fitness).items()]
    return rows


def averages(rows: Iterable[Row]) -> dict[str, float]:
    """The mean correlation of each measure over layers, best first; layers with nan left out."""
    ordered = sorted(rows, key=lambda row: row.measure)
    means = {
        name: fmean(defined) if (defined := _known(group)) else math.nan
        for name, group in groupby(ordered, key=lambda row: row.measure)
    }
    return dict(sorted(means.items(), key=lambda item: (math.isnan(item[1]), -item[1])))


def _known(rows: Iterable[Row]) -> list[float]:
    return [row.correlation for row in rows if not math.isnan(row.correlation)]


def _scored(observation: NeuronObservation, generator: torch.Generator) -> dict[str, Tensor]:
    """The fitness of one layer's neurons by every measure, straight and inverted."""
    names: list[FitnessMetric] = ["random", *MEASURES]
    fitness: dict[str, Tensor] = {name: score(name, [observation], generator) for name in names}
    return {**fitness, **{INVERTED + name: -fitness[name] for name in MEASURES}}


def _mean(losses: Callable[[Tensor, Tensor], Tensor], out: Tensor, y: Tensor) -> Tensor:
    return losses(out, y).mean()


@contextmanager
def _gradients(model: nn.Module, losses: Loss, batch: tuple[Tensor, Tensor]) -> Iterator[None]:
    """The gradients of the batch's mean loss while this lasts, those of before after it."""
    before = [(parameter, parameter.grad) for parameter in model.parameters()]
    try:
        model.zero_grad()
        with evaluating(model), torch.enable_grad():
            torch.autograd.backward(_mean(losses, model(batch[0]), batch[1]))
        yield
    finally:
        for parameter, gradient in before:
            parameter.grad = gradient


@torch.no_grad()
def ablation(pair: Pair, model: nn.Module, losses: Loss, batch: tuple[Tensor, Tensor]) -> Tensor:
    """(neurons,): by how much the mean loss on a batch (x, y) rises without each neuron.

    Without means that its activation is 0. `losses` maps outputs and y to one loss a sample.
    Computed in evaluation mode, which is then left as it was.
    """
    training = model.training
    model.eval()
    try:
        x, y = batch
        whole = losses(model(x), y).mean()
        groups = torch.split(torch.arange(pair.size, device=x.device), TOGETHER)
        return torch.cat([_without(pair, model, losses, batch, group) for group in groups]) - whole
    finally:
        model.train(training)


def _without(
    pair: Pair, model: nn.Module, losses: Loss, batch: tuple[Tensor, Tensor], group: Tensor
) -> Tensor:
    """The mean loss without each neuron of `group`, in copies of the batch one after another."""
    x, y = (part.repeat(len(group), *[1] * (part.ndim - 1)) for part in batch)

    def silence(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        del module
        copies = args[0].clone().view(len(group), -1, *args[0].shape[1:])
        for copy, neuron in zip(copies, group.tolist(), strict=True):
            _inputs_of(pair, copy, neuron).zero_()
        return (copies.flatten(0, 1), *args[1:])

    handle: Any = pair.consumer.register_forward_pre_hook(silence)
    try:
        return losses(model(x), y).view(len(group), -1).mean(1)
    finally:
        handle.remove()


def _inputs_of(pair: Pair, x: Tensor, neuron: int) -> Tensor:
    """The view of a consumer's input x that comes from one neuron."""
    if isinstance(pair.consumer, nn.Conv2d):
        return x[:, neuron]
    return x[..., neuron * pair.per : (neuron + 1) * pair.per]


def correlations(truth: Tensor, fitness: Mapping[str, Tensor]) -> dict[str, float]:
    """Spearman's rank correlation of each measure with the truth; nan if either is constant."""
    return {name: _spearman(truth, values) for name, values in fitness.items()}


def _spearman(left: Tensor, right: Tensor) -> float:
    x, y = (values.double().cpu().numpy() for values in (left, right))
    if any(values.min() == values.max() for values in (x, y)):
        return math.nan
    return float(stats.spearmanr(x, y).statistic)
