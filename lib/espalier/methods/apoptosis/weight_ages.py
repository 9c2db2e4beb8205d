"""The step at which each weight between neurons was born: with the younger of the two it joins.

What `espalier.rates` asks of a method that grows a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from espalier.core.birth_record import GrowthEvent
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Lineage, LineageEvent
from espalier.surgery.pairing.pairs import Pair


@dataclass
class WeightAges:
    """Birth steps of the weights of some layers, computed anew after each event."""

    lineage: Lineage
    populations: Sequence[LayerPopulation]
    _computed_for: tuple[int, LineageEvent | None] = (-1, None)  # how many events, and the last
    _births: dict[Tensor, Tensor] = field(default_factory=dict)
    _growths: list[GrowthEvent] = field(default_factory=list)

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return when each weight was born, None of a parameter without neurons."""
        self._update()
        return self._births.get(parameter)

    def growths(self) -> list[GrowthEvent]:
        """Return the events at which neurons were born."""
        self._update()
        return self._growths

    def _update(self) -> None:
        events = self.lineage.events
        current = (len(events), events[-1] if events else None)
        if current == self._computed_for:
            return
        self._computed_for, self._births = current, {}
        layers: dict[int, dict[str, None]] = {}
        for event in events:
            if event.op != "death":
                layers.setdefault(event.step, {})[event.layer] = None
        self._growths = [GrowthEvent(step, tuple(names)) for step, names in sorted(layers.items())]
        for population in self.populations:
            self._add_pair(population.site.pair)

    def _add_pair(self, pair: Pair) -> None:
        """Give both sides of a pair the birth steps of its neurons."""
        lineage, device = self.lineage, pair.device
        steps = [lineage.birth_step(neuron) for neuron in lineage.ids(pair.name)]
        born = torch.tensor(steps, device=device)
        for parameter, dim in pair.slices():
            self._add(parameter, born, dim)
        parameter, dim = pair.reader
        self._add(parameter, born.repeat_interleave(pair.per), dim)

    def _add(self, parameter: Tensor, born: Tensor, dim: int) -> None:
        shape = [-1 if i == dim else 1 for i in range(parameter.ndim)]
        other = self._births.get(parameter, born.new_zeros(()))
        self._births[parameter] = torch.maximum(other, born.view(shape).expand_as(parameter))
