"""Routes ahead for overactive units: over dead units as a highway, or by a clone a layer above.

A *highway* leads a unit's value unchanged through dead units, one in each of the nodes behind it,
to units further ahead; a *clone* is a new unit of the next node with its source's value. Both end
in edges of weight 0, so that the network's function does not change.

Source: the earlier code's vertical cloning and dead-neuron highways, for the aim: there a row of
the same layer was overwritten, the function changed, and of highways nothing ran.
Differs: activations tell which units are dead, not norms of weights; routes end where the gradient
of their last edges is largest.
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
from espalier.methods.growth.placement.block_rewiring import add, drop, select_random_missing
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.structural_events import Unit
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.evaluation import evaluate_model


@dataclass(frozen=True)
class Route:
    """A highway from `source` over `dead`, a unit of each node behind it, or without any a clone.

    It ends in edges of weight 0 to `targets` (t,), units of the node behind its last unit. `gain`
    is the sum of the loss's absolute gradients by these edges.
    """

    source: Unit
    dead: tuple[int, ...]
    targets: Tensor
    gain: float = 0.0

    @property
    def edges(self) -> int:
        """Edges that it adds."""
        return max(1, len(self.dead)) + len(self.targets)

    def build(self, editor: NetworkEditor) -> tuple[Unit, ...]:
        """Build it, and return the units that pass the value on."""
        if self.dead:
            return operations.highway(editor, self.source, self.dead, self.targets).event.units
        node, unit = self.source
        units = torch.tensor([unit], device=editor.device)
        return operations.clone(editor, (node, units), self.targets).event.units

    @property
    def emptied(self) -> list[Unit]:
        """The units that lose their edges."""
        return list(enumerate(self.dead, self.source[0] + 1))


@dataclass(frozen=True)
class HighwayBounds:
    """The most routes at an event, and the most edges of all of them together."""

    count: int
    edges: int


def find_dead_units(stats: UnitStatistics, net: Blocks) -> dict[int, list[int]]:
    """Return the units of each hidden node that never fire, those that lead to no output first.

    These have no effect whatever the input, the others none on the samples of `stats`.
    """
    backward = reach(net.masks()).backward
    dead = {}
    for node in range(1, net.last):
        units = (stats.activity(node).firing == 0).nonzero().flatten()
        dead[node] = units[backward[node][units].int().argsort(stable=True)].tolist()
    return dead


def find_overactive_units(stats: UnitStatistics, net: Blocks) -> list[Unit]:
    """Return the hot and the saturated units of all hidden nodes."""
    overactive = []
    for node in range(1, net.last):
        extrema = stats.extrema(node)
        units = (extrema.hot | extrema.saturated).nonzero().flatten().tolist()
        overactive += [(node, unit) for unit in units]
    return overactive


class HighwaySearch:
    """The possible routes of an event, each dead unit in at most one of them."""

    def __init__(
        self, net: Blocks, stats: UnitStatistics, targets: int, taken: Collection[Unit]
    ) -> None:
        """Exclude `taken` units from the sources."""
        self.net, self.stats, self.targets = net, stats, targets
        self.taken = set(taken)
        self.dead = find_dead_units(stats, net)

    def routes(self, lengths: Sequence[int], bounds: HighwayBounds) -> list[Route]:
        """Return routes from overactive units, the highest gain first, within `bounds`.

        `lengths` are numbers of dead units to lead over, 0 for a clone: the first possible one.
        """
        units = find_overactive_units(self.stats, self.net)
        sources = [unit for unit in units if unit not in self.taken]
        possible = [r for unit in sources if (r := self._find_route(unit, lengths)) is not None]
        possible.sort(key=lambda route: (-route.gain, route.source))
        routes: list[Route] = []
        edges_left = bounds.edges
        for candidate in possible:
            # dead units may have been used up since
            route = self._find_route(candidate.source, lengths)
            if route is not None and len(routes) < bounds.count and route.edges <= edges_left:
                routes.append(route)
                edges_left -= route.edges
                self._mark_used(route)
        return routes

    def move_sources(self, routes: Sequence[Route], generator: torch.Generator) -> list[Route]:
        """Return the same routes from other sources, drawn from the living units of their nodes."""
        moved = []
        for route in routes:
            node, source = route.source
            fires = (self.stats.activity(node).firing > 0).nonzero().flatten().tolist()
            units = [unit for unit in fires if (node, unit) not in self.taken] or [source]
            chosen = node, units[int(torch.randint(len(units), (), generator=generator))]
            self.taken.add(chosen)
            moved.append(self._route_from(chosen, route.dead))
        return moved

    def _find_route(self, unit: Unit, lengths: Sequence[int]) -> Route | None:
        for length in lengths:
            nodes = range(unit[0] + 1, unit[0] + 1 + length)
            past = unit[0] + 1 + max(1, length)
            if past <= self.net.last and all(self.dead[node] for node in nodes):
                return self._route_from(unit, tuple(self.dead[node][0] for node in nodes))
        return None

    def _route_from(self, unit: Unit, dead: tuple[int, ...]) -> Route:
        """Return a route to the units with the largest gradient of an edge from `unit`."""
        past = unit[0] + 1 + max(1, len(dead))
        gains = self.stats.edge_gradient((unit[0], past))[:, unit[1]]
        targets = gains.argsort(descending=True, stable=True)[: self.targets]
        return Route(unit, dead, targets, float(gains[targets].sum()))

    def _mark_used(self, route: Route) -> None:
        self.taken.add(route.source)
        for node, unit in route.emptied:
            self.dead[node].remove(unit)


def scatter(editor: NetworkEditor, routes: Sequence[Route]) -> None:
    """Add as many edges at random and empty the same units: the control of `routes`."""
    for route in routes:
        for unit in route.emptied:
            drop_edges_of(editor, unit)
    add(
        editor,
        select_random_missing(editor.net, sum(route.edges for route in routes), editor.generator),
    )


def drop_edges_of(editor: NetworkEditor, unit: Unit) -> None:
    """Drop all edges of a unit. Exact where they have no effect."""
    node, place = unit
    for pair, mask in editor.net.masks().items():
        edges = torch.zeros_like(mask)
        if pair[1] == node:
            edges[place] = mask[place]
        if pair[0] == node:
            edges[:, place] = mask[:, place]
        drop(editor, {pair: edges})


def measure_grown_worth(run: Run[GrowthState]) -> float:
    """Return the points by which validation accuracy falls without the edges grown so far."""
    net = run.method_state.graph.net
    with evaluating(net):
        whole = evaluate_model(net, run.validation)[1]
        with without_grown(net):
            return whole - evaluate_model(net, run.validation)[1]


@contextmanager
@torch.no_grad()
def without_grown(net: Blocks) -> Iterator[None]:
    """Set the weights of edges born after the beginning to 0, and restore them in the end."""
    kept = [(block, block.weight.clone()) for _, block in net.each()]
    try:
        for block, _ in kept:
            block.weight.masked_fill_(block.births > 0, 0.0)
        yield
    finally:
        for block, weight in kept:
            block.weight.copy_(weight)
