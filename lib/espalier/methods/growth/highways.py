"""Growth of highways over dead units, and of clones a layer above, for overactive units.

Source: StructureNet's vertical cloning and dead-neuron highways, for the aim.
Differs: see `espalier.methods.growth.placement.feedforward_highways`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement.feedforward_highways import (
    HighwayBounds,
    HighwaySearch,
    Route,
    find_dead_units,
    measure_grown_worth,
    scatter,
)
from espalier.methods.growth.placement.unit_statistics import UnitStatistics, measure_units
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.structural_events import Unit
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.surgery.probe import evaluating


@dataclass
class HighwaysMemory(Memory):
    """The routes so far, the units in them, and the dead units just before and just after."""

    highways: int = 0
    clones: int = 0
    taken: list[Unit] = field(default_factory=list)
    dead_found: int = 0
    dead_left: int = 0


@kconfig_dataclass
class Highways(GrowingMethod[HighwaysMemory]):
    """Build at most `count` routes with `edges` edges at each event, each to `targets` units."""

    kind: Literal["both", "highways", "clones"]
    where: Literal["extrema", "random", "scattered"]
    reach: int | None  # dead units of a highway; None where there are only clones
    count: int
    targets: int
    edges: int

    @property
    @override
    def needs_graph(self) -> str:
        return "units are led past layers"

    @override
    def begin(self, editor: EdgeEditor) -> HighwaysMemory:
        layers, hidden = 1 + (self.reach or 1), len(editor.net.sizes) - 2
        if hidden < layers:
            raise CannotTrain(
                "too_few_layers",
                f"CONFIG_HIGHWAYS_KIND={self.kind} leads over {layers - 1} hidden layers behind "
                f"another one, but there are {hidden} in all: give "
                "CONFIG_BLOCKS_SIZES more, or set CONFIG_HIGHWAYS_KIND=clones, which takes two",
            )
        return HighwaysMemory()

    @property
    def _lengths(self) -> Sequence[int]:
        """Numbers of dead units that a route leads over, the preferred one first."""
        lengths: Mapping[str, Sequence[int]] = {
            "both": (self.reach or 0, 0),
            "highways": (self.reach or 0,),
            "clones": (0,),
        }
        return lengths[self.kind]

    @override
    def act(self, run: Run[GrowthState[HighwaysMemory]], max_edges: int) -> None:
        state = run.method_state
        stats, before = measure_units(run), state.memory
        search = HighwaySearch(
            state.graph.net, stats, self.targets, {(n, u) for n, u in before.taken}
        )
        routes = search.routes(self._lengths, HighwayBounds(self.count, min(self.edges, max_edges)))
        if not routes:
            return
        dead = _dead(state, stats)
        if self.where == "random":
            routes = search.move_sources(routes, run.generators["method"])
        taken = self._build(state, routes)
        longer = sum(bool(route.dead) for route in routes)
        state.memory = HighwaysMemory(
            highways=before.highways + longer,
            clones=before.clones + len(routes) - longer,
            taken=before.taken + taken,
            dead_found=before.dead_found + dead,
            dead_left=before.dead_left + _dead(state, _remeasure(state, stats)),
        )

    def _build(self, state: GrowthState, routes: Sequence[Route]) -> list[Unit]:
        """Return the sources and the units that pass their values on, all excluded from now on."""
        taken = [route.source for route in routes]
        if self.where == "scattered":
            scatter(state.graph, routes)
            return taken
        return taken + [unit for route in routes for unit in route.build(state.graph)]

    @override
    def measures(self, run: Run[GrowthState[HighwaysMemory]]) -> Measures:
        """Return `highways`, `clones`, `grown_worth` (see `measure_grown_worth`) and others.

        `dead_units_found` and `dead_units_left` are units that never fired just before and just
        after an event, summed over events at which something was built. With scattered edges,
        routes count that would have been built.
        """
        state = run.method_state
        routes = state.memory
        return {
            **super().measures(run),
            "highways": routes.highways,
            "clones": routes.clones,
            "dead_units_found": routes.dead_found,
            "dead_units_left": routes.dead_left,
            "grown_worth": measure_grown_worth(run) if state.steps else 0.0,
        }


def _dead(state: GrowthState, stats: UnitStatistics) -> int:
    return sum(map(len, find_dead_units(stats, state.graph.net).values()))


def _remeasure(state: GrowthState, stats: UnitStatistics) -> UnitStatistics:
    """Return the values of the same samples in the network as it is now, without gradients."""
    net = state.graph.net
    with evaluating(net), torch.no_grad():
        return UnitStatistics(net.trace(stats.values[0]).values, [])
