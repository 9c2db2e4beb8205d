"""Strategies that keep a layer in balance: little and often, and births beside deaths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from torch import Tensor, nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.lineage import Op
from espalier.apoptosis.neuron import ApoptosisEvent
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import BirthKind, Parents
from espalier.surgery.pairs import Layer


class ContinuousTurnoverApoptosis(ExactApoptosis):
    """Few neurons at a time, often.

    With fitness `utility`, death `mean` and birth `fresh` it is generate-and-test of Dohare et al.
    2024, "Loss of plasticity in deep continual learning".

    Source: the earlier apoptosis code's class of this name.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.02,
        apoptosis_interval: int = 100,
        fitness_metric: Measure = "grad_activation",
        mutation_strength: float = 0.3,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies."""
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )


class HybridGrowthAndDeath(ExactApoptosis):
    """Equal numbers die and are born: the weakest go, the fittest divide.

    A birth is a division: the newborn takes over part of what its parent does, so that it matters
    at once. Parents are drawn among as many of the fittest as there are births. Deaths and births
    are events of their own; the size of a layer stays.

    Source: the earlier apoptosis code's class of this name, for the aim.
    Differs: that one is the standard strategy under another name, and its events are not counted.
    """

    _birth: BirthKind = "split"

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        turnover_rate: float = 0.05,
        interval: int = 500,
        mutation_strength: float = 0.3,
        fitness_metric: Measure = "grad_activation",
        **options: Unpack[ExactOptions],
    ) -> None:
        """`turnover_rate`: the share of neurons born, and of those that die, at each event.

        `mutation_strength` applies to births by mutation only.
        """
        super().__init__(
            *(model, target_layers, turnover_rate, interval, fitness_metric, mutation_strength),
            **options,
        )
        self.growth_events: list[ApoptosisEvent] = []

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """As in the exact strategies; in a division, only the fittest have children."""
        if self._birth == "split":
            fittest = fitness[healthy_indices].argsort(descending=True, stable=True)
            healthy_indices = healthy_indices[fittest[: len(dying_indices)]]
        return super()._regrow_neurons(layer, dying_indices, healthy_indices, fitness)

    def _welcome(
        self, colony: LayerPopulation, slots: Tensor, parents: Parents | None, op: Op = "birth"
    ) -> None:
        super()._welcome(colony, slots, parents, op)
        event = ApoptosisEvent(self.step_count, colony.name, len(slots))
        self.growth_events.append(event)

    def state_dict(self) -> dict[str, Any]:
        """See the standard strategy; births are part of it."""
        births = [tuple(event) for event in self.growth_events]
        return {**super().state_dict(), "growth_events": births}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        super().load_state_dict(state)
        self.growth_events = [ApoptosisEvent(*event) for event in state["growth_events"]]
