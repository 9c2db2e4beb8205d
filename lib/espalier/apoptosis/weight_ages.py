"""When each weight of layers with neurons was born: with the younger of the two that it joins.

What `espalier.rates` asks of a method that grows a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from espalier.apoptosis.lineage import Event
from espalier.apoptosis.neuron import NeuronApoptosisManager
from espalier.rates.history import Growth
from espalier.surgery.pairs import Pair

_Known = tuple[int, Event | None]


@dataclass
class WeightAges:
    """Of the neurons that a strategy exchanges; worked out anew after each of its events."""

    manager: NeuronApoptosisManager
    _known: _Known = (-1, None)  # how many events, and the last of them
    _births: dict[Tensor, Tensor] = field(default_factory=dict)
    _growths: list[Growth] = field(default_factory=list)

    def of(self, parameter: Tensor) -> Tensor | None:
        """See `espalier.rates.history.Growing.birth_steps`."""
        self._look()
        return self._births.get(parameter)

    def growths(self) -> list[Growth]:
        """See `espalier.rates.history.Growing.growths`."""
        self._look()
        return self._growths

    def _look(self) -> None:
        events = self.manager.lineage.events
        known = (len(events), events[-1] if events else None)
        if known == self._known:
            return
        self._known, self._births = known, {}
        layers: dict[int, dict[str, None]] = {}
        for event in events:
            if event.op != "death":
                layers.setdefault(event.step, {})[event.layer] = None
        self._growths = [Growth(step, tuple(names)) for step, names in sorted(layers.items())]
        for colony in self.manager.colonies:
            self._settle(colony.site.pair)

    def _settle(self, pair: Pair) -> None:
        """Both sides of a pair get the birthdays of its neurons."""
        lineage, device = self.manager.lineage, pair.producer.weight.device
        born = torch.tensor([lineage.born(one) for one in lineage.ids(pair.name)], device=device)
        for module in (pair.producer, pair.norm):
            for parameter in () if module is None else module.parameters(recurse=False):
                self._note(parameter, born, 0)
        self._note(pair.consumer.weight, born.repeat_interleave(pair.per), 1)

    def _note(self, parameter: Tensor, born: Tensor, dim: int) -> None:
        shape = [-1 if i == dim else 1 for i in range(parameter.ndim)]
        known = self._births.get(parameter, born.new_zeros(()))
        self._births[parameter] = torch.maximum(known, born.view(shape).expand_as(parameter))
