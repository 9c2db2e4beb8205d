"""Units that stand out get ways ahead: over dead units as highways, or by clones a layer above.

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
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement.feedforward_highways import (
    HighwayBounds,
    HighwaySearch,
    Way,
    scatter,
    silent,
    worth,
)
from espalier.methods.growth.placement.unit_statistics import UnitStatistics, look
from espalier.methods.growth.structure.structural_events import Unit
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.surgery.probe import evaluating


@dataclass
class Ways(Memory):
    """What was built so far, and the units that were silent just before and just after."""

    highways: int = 0
    clones: int = 0
    taken: list[Unit] = field(default_factory=list)
    dead_found: int = 0
    dead_left: int = 0


@kconfig_dataclass
class Highways(GrowingMethod[Ways]):
    """At each moment at most `count` ways with `edges` edges in all, each to `targets` units."""

    kind: Literal["both", "highways", "clones"]
    where: Literal["extrema", "random", "scattered"]
    reach: int | None  # dead units of a highway; None where there are only clones
    count: int
    targets: int
    edges: int

    @override
    def begin(self, net: Blocks) -> Ways:
        least = 1 + (self.reach or 1)
        if net.last - 1 < least:
            raise CannotTrain(
                "too_few_layers",
                f"CONFIG_HIGHWAYS_KIND={self.kind} leads over {least - 1} hidden layers behind "
                f"another one, but there are {net.last - 1} in all: give "
                "CONFIG_BLOCKS_SIZES more, or set CONFIG_HIGHWAYS_KIND=clones, which takes two",
            )
        return Ways()

    @property
    def _reaches(self) -> Sequence[int]:
        """How many dead units a way leads over, what is preferred first."""
        known: Mapping[str, Sequence[int]] = {
            "both": (self.reach or 0, 0),
            "highways": (self.reach or 0,),
            "clones": (0,),
        }
        return known[self.kind]

    @override
    def act(self, run: Run[GrowthState[Ways]], most: int) -> None:
        state = run.method_state
        view, before = look(run), state.memory
        search = HighwaySearch(state.net, view, self.targets, {(n, u) for n, u in before.taken})
        ways = search.ways(self._reaches, HighwayBounds(self.count, min(self.edges, most)))
        if not ways:
            return
        dead = _dead(state, view)
        if self.where == "random":
            ways = search.elsewhere(ways, run.generators["method"])
        taken = self._build(state, ways)
        longer = sum(bool(way.dead) for way in ways)
        state.memory = Ways(
            highways=before.highways + longer,
            clones=before.clones + len(ways) - longer,
            taken=before.taken + taken,
            dead_found=before.dead_found + dead,
            dead_left=before.dead_left + _dead(state, _again(state, view)),
        )

    def _build(self, state: GrowthState, ways: Sequence[Way]) -> list[Unit]:
        """Sources, and the units that their values are in now: none of them is a source again."""
        taken = [way.source for way in ways]
        if self.where == "scattered":
            scatter(state.ground, ways)
            return taken
        return taken + [unit for way in ways for unit in way.build(state.ground)]

    @override
    def measures(self, run: Run[GrowthState[Ways]]) -> Measures:
        """Of all moments: `highways`, `clones` and their edges' `grown_worth`, see `worth`.

        `dead_units_found` and `dead_units_left` are units that never fired just before and just
        after a moment, summed over moments at which something was built. Of scattered edges: what
        would have been built.
        """
        state = run.method_state
        ways = state.memory
        return {
            **super().measures(run),
            "highways": ways.highways,
            "clones": ways.clones,
            "dead_units_found": ways.dead_found,
            "dead_units_left": ways.dead_left,
            "grown_worth": worth(run) if state.steps else 0.0,
        }


def _dead(state: GrowthState, view: UnitStatistics) -> int:
    return sum(map(len, silent(view, state.net).values()))


def _again(state: GrowthState, view: UnitStatistics) -> UnitStatistics:
    """The same samples in the network as it is now; slopes are not looked at."""
    with evaluating(state.net), torch.no_grad():
        return UnitStatistics(state.net.trace(view.values[0]).values, [])
