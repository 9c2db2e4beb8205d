"""How well each measure of fitness ranks neurons: against what the loss is without each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from statistics import fmean

import torch
from torch import Tensor, nn

from espalier.apoptosis.activation_hooks import Observation, observe
from espalier.apoptosis.fitness import MEASURES, Measure, score
from espalier.apoptosis.truth import Loss, ablation, correlations
from espalier.surgery.pairs import Pair
from espalier.surgery.probe import evaluating

INVERTED = "-"
"""What the name of a measure begins with that has been turned round."""


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
    found = []
    for pair, fitness in zip(pairs, scored, strict=True):
        truth = ablation(pair, model, losses, batch)
        found += [Row(pair.name, *row) for row in correlations(truth, fitness).items()]
    return found


def averages(rows: Iterable[Row]) -> dict[str, float]:
    """The mean correlation of each measure over layers, best first; layers with nan left out."""
    ordered = sorted(rows, key=lambda row: row.measure)
    means = {
        name: fmean(known) if (known := _known(group)) else math.nan
        for name, group in groupby(ordered, key=lambda row: row.measure)
    }
    return dict(sorted(means.items(), key=lambda item: (math.isnan(item[1]), -item[1])))


def _known(rows: Iterable[Row]) -> list[float]:
    return [row.correlation for row in rows if not math.isnan(row.correlation)]


def _scored(observation: Observation, generator: torch.Generator) -> dict[str, Tensor]:
    """The fitness of one layer's neurons by every measure, straight and inverted."""
    names: list[Measure] = ["random", *MEASURES]
    found: dict[str, Tensor] = {name: score(name, [observation], generator) for name in names}
    return {**found, **{INVERTED + name: -found[name] for name in MEASURES}}


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
