"""Growth in proportion to the live edges, skips included; the weakest edges can make room.

Source: the idea of StructureNet's proportional growth that prunes as it grows; Evci et al. 2020,
arXiv 1911.11134, for edges of weight 0 where the gradient is largest.
Differs: there an edge came inside its own layer, never as a skip, and as the smallest of all it was
pruned at once. Here new edges are safe for a while, the number of edges stays exact, and every
output that could be reached still can be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import key, pair
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.placement.block_rewiring import EdgeMasks
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.timing.growth_state import GrowthState, Memory


@dataclass
class ProportionalMemory(Memory):
    """The fewest edges that each block keeps, and the new edges so far, skips among them."""

    floors: dict[str, int]
    new: int = 0
    skips: int = 0


@kconfig_dataclass
class Proportional(GrowingMethod[ProportionalMemory]):
    """Add `rate` of the live edges at each event; with `prune`, drop as many."""

    rate: float
    where: Literal["gradient", "random"]
    skips: float | None  # share of new edges; None where nothing can lead past a layer
    prune: bool
    grace: int | None  # events; None without `prune`
    floor: float | None  # share of what a block began with; None without `prune`

    @property
    @override
    def needs_graph(self) -> str:
        return (
            "" if not self.skips else f"CONFIG_PROPORTIONAL_SKIPS={self.skips:g} leads past layers"
        )

    @override
    def begin(self, editor: EdgeEditor) -> ProportionalMemory:
        self._check(len(editor.net.sizes))
        return ProportionalMemory(
            {key(p): math.ceil((self.floor or 0) * b.live) for p, b in editor.net.each()}
        )

    def _check(self, nodes: int) -> None:
        if self.skips and nodes < 3:
            raise CannotTrain(
                "no_skips",
                f"CONFIG_PROPORTIONAL_SKIPS={self.skips:g} of new edges are to lead past a layer, "
                "but there is no hidden layer: set it to 0, or CONFIG_BLOCKS_SIZES to one or more",
            )
        if self.prune and self.budget.credits is not None:
            raise CannotTrain(
                "nothing_to_pay_for",
                "CONFIG_GROWTH_PAY=credits: as many edges go as come, which costs nothing: set it "
                "to nothing, or CONFIG_PROPORTIONAL_PRUNE=n",
            )

    @override
    def act(self, run: Run[GrowthState[ProportionalMemory]], max_edges: int) -> None:
        state = run.method_state
        before = state.editor.reached_outputs()
        count = math.ceil(self.rate * state.net.live)
        if self.prune:
            floors = {pair(name): floor for name, floor in state.memory.floors.items()}
            free = block_rewiring.find_droppable(
                state.net, state.editor.necessary_edges(), self._grace_begin(state), floors
            )
            new = self._select_new(run, min(count, block_rewiring.count(free)))
            weakest = block_rewiring.select_weakest(state.net, free, block_rewiring.count(new))
            block_rewiring.drop(state.editor, weakest)
        else:
            new = self._select_new(run, min(count, max_edges))
        block_rewiring.add(state.editor, new)
        assert bool(state.editor.reached_outputs()[before].all()), "an output is cut off"

    def _select_new(self, run: Run[GrowthState[ProportionalMemory]], count: int) -> EdgeMasks:
        """Select `count` new edges with the share of skips, as far as there is room for them."""
        state = run.method_state
        net, pairs = state.net, state.editor.possible_pairs()
        scores = missing_edge_scores.CRITERIA[self.where](run, pairs)
        done = state.memory.new, state.memory.skips
        skips = block_rewiring.skip_quota(count, self.skips or 0.0, done)
        new: EdgeMasks = {}
        for is_skip, quota in ((True, skips), (False, count - skips)):
            kind = {p: scores[p] for p in pairs if block_rewiring.is_skip(p) == is_skip}
            new |= block_rewiring.select_top_missing(net, kind, quota)
        state.memory.new += block_rewiring.count(new)
        state.memory.skips += block_rewiring.count(
            {p: new[p] for p in new if block_rewiring.is_skip(p)}
        )
        return new

    def _grace_begin(self, state: GrowthState) -> int:
        """Return the step before which droppable edges are born, 1 or more."""
        if not self.grace:
            return state.editor.step
        return max(1, state.steps[-self.grace]) if len(state.steps) >= self.grace else 1

    @override
    def measures(self, run: Run[GrowthState[ProportionalMemory]]) -> Measures:
        """Return live `skip_edges`, the `skip_share` of all new edges in [0, 1], and others."""
        state = run.method_state
        live = sum(block.live for p, block in state.net.each() if block_rewiring.is_skip(p))
        share = state.memory.skips / max(1, state.memory.new)
        return {**super().measures(run), "skip_edges": live, "skip_share": share}
