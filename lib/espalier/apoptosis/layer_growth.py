"""Layers that only grow, up to a cap; the next layer and the optimizer follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.apoptosis.layer_population import ROUNDING, LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import ApoptosisEvent, check
from espalier.apoptosis.activation_hooks import Observation
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import BirthKind
from espalier.surgery.pairs import Pair
from espalier.surgery.resize import narrow, widen


class GrowthOnlyManager(ExactApoptosis):
    """At each event layers get wider by a share of the size they began with, until a cap.

    A birth is a division by default, so the network computes what it did before. Parameters stay
    the same objects. Give the `optimizer`, unless it keeps no state for each weight: its state
    grows with the layers. A layer whose outputs join a residual path is in no pair and never grows.

    Source: the earlier apoptosis code's class of this name.
    Differs: the layer after, the normalisation between and the optimizer follow; there, the first
    forward pass after an event failed. At least one neuron is born in layers with room, and row
    and bias of a newborn are of one parent.
    """

    _birth: BirthKind = "split"

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        growth_rate: float = 0.1,
        growth_interval: int = 500,
        max_capacity: float = 1.5,
        mutation_strength: float = 0.3,
        fitness_metric: Measure = "grad_activation",
        **options: Unpack[ExactOptions],
    ) -> None:
        """`growth_rate` in [0, 1) is of the first size, and so is `max_capacity`, 1 or more.

        An event comes every `growth_interval` steps, as long as a layer has room.
        `mutation_strength` applies to births by mutation only.
        """
        check("growth_rate", growth_rate, 0 <= growth_rate < 1, "in [0, 1)")
        check("growth_interval", growth_interval, growth_interval >= 1, "1 or more")
        check("max_capacity", max_capacity, max_capacity >= 1, "1 or more")
        self.max_capacity = max_capacity
        self.growth_events: list[ApoptosisEvent] = []
        self._first: dict[str, int] = {}
        super().__init__(
            *(model, target_layers, growth_rate, growth_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )

    def _colony(self, pair: Pair) -> LayerPopulation:
        self._first[pair.name] = pair.size
        return super()._colony(pair)

    def is_due(self, step: int) -> bool:
        """See the standard strategy; not when all layers are full."""
        return super().is_due(step) and any(self._due_births(c, step) for c in self.colonies)

    def _due_births(self, colony: LayerPopulation, step: int) -> int:
        first = self._first[colony.name]
        wanted = self._rate(step) * colony.share * first
        cap = int(first * self.max_capacity + ROUNDING)
        return min(max(1, int(wanted + ROUNDING)), cap - colony.size) if wanted > 0 else 0

    @torch.no_grad()
    def _turn(self, colony: LayerPopulation) -> None:
        """Births of one layer, in slots behind the last."""
        count = self._due_births(colony, self.step_count)
        if count <= 0:
            return
        pair = colony.site.pair
        slots = widen(colony.site, count)
        colony.ageing.grow(count)
        self._tell_next(colony, count)
        healthy, fitness = colony.others(slots), colony.ageing.fitness.clone()
        parents = self._regrow_neurons(pair.producer, slots, healthy, fitness)
        self._welcome(colony, slots, parents)
        event = ApoptosisEvent(self.step_count, colony.name, count)
        self.growth_events.append(event)
        self.apoptosis_events.append(event)

    def _tell_next(self, grown: LayerPopulation, count: int) -> None:
        """The layer after may be one that grows: the newborn gave it nothing when it was seen."""
        pair = grown.site.pair
        for colony in self.colonies:
            if colony.site.pair.producer is pair.consumer and colony.seen is not None:
                colony.seen = _given_more(colony.seen, count * pair.per)

    def state_dict(self) -> dict[str, Any]:
        """See the standard strategy; births and first sizes are part of it."""
        births = [tuple(event) for event in self.growth_events]
        return {**super().state_dict(), "growth_events": births, "first": dict(self._first)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`. Layers take the sizes they had when it was saved.

        So load this first, then the model's state, then the optimizer's.
        """
        for colony in self.colonies:
            _resize(colony, len(state["colonies"][colony.name]["ageing"]["age"]))
        self._first = dict(state["first"])
        super().load_state_dict(state)
        self.growth_events = [ApoptosisEvent(*event) for event in state["growth_events"]]


def _given_more(seen: Observation, inputs: int) -> Observation:
    """As if there had been so many more inputs, all 0."""
    planes = isinstance(seen.pair.producer, nn.Conv2d)
    extra = (*(0, 0, 0, 0) * planes, 0, inputs)
    given: Tensor = F.pad(seen.given, extra)
    return replace(seen, given=given)


def _resize(colony: LayerPopulation, wanted: int) -> None:
    """Make a layer `wanted` neurons wide; what the new ones are is loaded afterwards."""
    size, device = colony.size, colony.site.pair.producer.weight.device
    if wanted > size:
        widen(colony.site, wanted - size)
    elif wanted < size:
        narrow(colony.site, torch.arange(wanted, size, device=device))
