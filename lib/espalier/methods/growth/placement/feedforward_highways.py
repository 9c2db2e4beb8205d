"""Ways ahead for units that stand out: over dead units as a highway, or by a copy a layer above.

A *highway* leads a unit's value unchanged through dead units, one in each of the nodes behind it,
to units further ahead; a *clone* is a new unit of the next node with its source's value. Both end
in edges of weight 0, so that what the network computes stays what it is.

Source: the earlier code's vertical cloning and dead-neuron highways, for the aim: there a row of
the same layer was overwritten, the function changed, and of highways nothing ran.
Differs: what is dead is seen in activations, not in norms of weights; where ways end is decided by
the gradient of the edges that they would end in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Blocks
from espalier.layers.reachability import reach
from espalier.methods.growth.placement.block_rewiring import add, anywhere, drop
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.structural_events import Unit
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.evaluation import evaluate_model


@dataclass(frozen=True)
class Way:
    """Where a unit's value is led: over `dead`, one of each node behind; if there are none, a copy.

    It ends in edges of weight 0 to `targets` (t,), units of the node behind its last unit. `gain`
    is the loss's gradient by them, summed.
    """

    source: Unit
    dead: tuple[int, ...]
    targets: Tensor
    gain: float = 0.0

    @property
    def edges(self) -> int:
        """How many edges come."""
        return max(1, len(self.dead)) + len(self.targets)

    def build(self, ground: NetworkEditor) -> tuple[Unit, ...]:
        """Do it; returns the units that now hand the value on."""
        if self.dead:
            return operations.highway(ground, self.source, self.dead, self.targets).event.units
        node, unit = self.source
        units = torch.tensor([unit], device=ground.device)
        return operations.clone(ground, (node, units), self.targets).event.units

    @property
    def emptied(self) -> list[Unit]:
        """The units that lose their edges."""
        return list(enumerate(self.dead, self.source[0] + 1))


@dataclass(frozen=True)
class HighwayBounds:
    """How many ways there may be at one moment, and how many edges of all of them together."""

    count: int
    edges: int


def silent(view: UnitStatistics, net: Blocks) -> dict[int, list[int]]:
    """Of each hidden node the units that never fire, those that lead to no output first.

    The latter do nothing whatever the input, the others nothing on the samples of the view.
    """
    backward = reach(net.masks()).backward
    found = {}
    for node in range(1, net.last):
        units = (view.activity(node).firing == 0).nonzero().flatten()
        found[node] = units[backward[node][units].int().argsort(stable=True)].tolist()
    return found


def standing_out(view: UnitStatistics, net: Blocks) -> list[Unit]:
    """The hot and the saturated units of all hidden nodes."""
    found = []
    for node in range(1, net.last):
        extrema = view.extrema(node)
        units = (extrema.hot | extrema.saturated).nonzero().flatten().tolist()
        found += [(node, unit) for unit in units]
    return found


class HighwaySearch:
    """Which ways there could be at one moment, each dead unit in one of them."""

    def __init__(
        self, net: Blocks, view: UnitStatistics, targets: int, taken: Collection[Unit]
    ) -> None:
        """`taken` units are no sources."""
        self.net, self.view, self.targets = net, view, targets
        self.taken = set(taken)
        self.dead = silent(view, net)

    def ways(self, reaches: Sequence[int], bounds: HighwayBounds) -> list[Way]:
        """Those of units that stand out, the highest gain first, within `bounds`.

        `reaches` are the numbers of dead units to lead over, 0 for a clone: the first possible.
        """
        sources = [unit for unit in standing_out(self.view, self.net) if unit not in self.taken]
        possible = [way for unit in sources if (way := self._first(unit, reaches)) is not None]
        possible.sort(key=lambda way: (-way.gain, way.source))
        found: list[Way] = []
        left = bounds.edges
        for each in possible:
            way = self._first(each.source, reaches)  # dead units may have been used up since
            if way is not None and len(found) < bounds.count and way.edges <= left:
                found.append(way)
                left -= way.edges
                self._use(way)
        return found

    def elsewhere(self, ways: Sequence[Way], generator: torch.Generator) -> list[Way]:
        """The same ways from other sources, drawn from the living units of the same nodes."""
        found = []
        for way in ways:
            node, known = way.source
            fires = (self.view.activity(node).firing > 0).nonzero().flatten().tolist()
            units = [unit for unit in fires if (node, unit) not in self.taken] or [known]
            chosen = node, units[int(torch.randint(len(units), (), generator=generator))]
            self.taken.add(chosen)
            found.append(self._ending(chosen, way.dead))
        return found

    def _first(self, unit: Unit, reaches: Sequence[int]) -> Way | None:
        for reached in reaches:
            nodes = range(unit[0] + 1, unit[0] + 1 + reached)
            past = unit[0] + 1 + max(1, reached)
            if past <= self.net.last and all(self.dead[node] for node in nodes):
                return self._ending(unit, tuple(self.dead[node][0] for node in nodes))
        return None

    def _ending(self, unit: Unit, dead: tuple[int, ...]) -> Way:
        """A way to the units with the largest gradient of an edge from `unit` to them."""
        past = unit[0] + 1 + max(1, len(dead))
        gains = self.view.gain((unit[0], past))[:, unit[1]]
        targets = gains.argsort(descending=True, stable=True)[: self.targets]
        return Way(unit, dead, targets, float(gains[targets].sum()))

    def _use(self, way: Way) -> None:
        self.taken.add(way.source)
        for node, unit in way.emptied:
            self.dead[node].remove(unit)


def scatter(ground: NetworkEditor, ways: Sequence[Way]) -> None:
    """As many edges anywhere, and the same units emptied: the control of `ways`."""
    for way in ways:
        for unit in way.emptied:
            empty(ground, unit)
    add(ground, anywhere(ground.net, sum(way.edges for way in ways), ground.generator))


def empty(ground: NetworkEditor, unit: Unit) -> None:
    """Drop all edges of a unit. Exact where they have no effect."""
    node, place = unit
    for pair, mask in ground.net.masks().items():
        edges = torch.zeros_like(mask)
        if pair[1] == node:
            edges[place] = mask[place]
        if pair[0] == node:
            edges[:, place] = mask[:, place]
        drop(ground, {pair: edges})


def worth(run: Run[GrowthState]) -> float:
    """By how many points validation accuracy falls without the edges that have come so far."""
    net = run.method_state.net
    with evaluating(net):
        whole = evaluate_model(net, run.validation)[1]
        with without_grown(net):
            return whole - evaluate_model(net, run.validation)[1]


@contextmanager
@torch.no_grad()
def without_grown(net: Blocks) -> Iterator[None]:
    """While it lasts, edges born after the beginning have weight 0."""
    kept = [(block, block.weight.clone()) for _, block in net.each()]
    try:
        for block, _ in kept:
            block.weight.masked_fill_(block.births > 0, 0.0)
        yield
    finally:
        for block, weight in kept:
            block.weight.copy_(weight)
