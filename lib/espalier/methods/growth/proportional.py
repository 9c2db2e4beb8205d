"""Edges come in proportion to those that there are, skips among them, and the weakest make room.

Source: the idea of StructureNet's proportional growth that prunes as it grows; Evci et al. 2020,
arXiv 1911.11134, for edges of weight 0 where the gradient is largest.
Differs: there an edge came inside its own layer, never as a skip, and as the smallest of all it was
pruned at once. Here what comes cannot go for a while, the number of edges stays exact, and every
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
from espalier.layers.masked_blocks import Blocks, key, pair
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.placement.block_rewiring import Marked
from espalier.methods.growth.timing.growth_state import GrowthState, Memory


@dataclass
class Replaced(Memory):
    """The fewest edges of each block, and how many came so far, skips among them."""

    floors: dict[str, int]
    new: int = 0
    skips: int = 0


@kconfig_dataclass
class Proportional(GrowingMethod[Replaced]):
    """`rate` of the live edges come at each moment; with `prune`, as many go."""

    rate: float
    where: Literal["gradient", "random"]
    skips: float  # share of new edges
    prune: bool
    grace: int | None  # moments; None without `prune`
    floor: float | None  # share of what a block began with; None without `prune`

    @override
    def begin(self, net: Blocks) -> Replaced:
        self._check(net)
        return Replaced({key(p): math.ceil((self.floor or 0) * b.live) for p, b in net.each()})

    def _check(self, net: Blocks) -> None:
        if self.skips > 0 and net.last < 2:
            raise CannotTrain(
                "no_skips",
                f"CONFIG_PROPORTIONAL_SKIPS={self.skips:g} of new edges are to lead past a layer, "
                "but there is no hidden layer: set it to 0, or CONFIG_BLOCKS_SIZES to one or more",
            )
        if self.prune and self.economy.purse is not None:
            raise CannotTrain(
                "nothing_to_pay_for",
                "CONFIG_GROWTH_PAY=credits: as many edges go as come, which costs nothing: set it "
                "to nothing, or CONFIG_PROPORTIONAL_PRUNE=n",
            )

    @override
    def act(self, run: Run[GrowthState[Replaced]], most: int) -> None:
        state = run.method_state
        before = block_rewiring.reached(state.net)[-1]
        count = math.ceil(self.rate * state.net.live)
        if self.prune:
            free = block_rewiring.free(state.net, self._grown_up(state), _floors(state))
            new = self._coming(run, min(count, block_rewiring.count(free)))
            block_rewiring.drop(
                state.ground, block_rewiring.weakest(state.net, free, block_rewiring.count(new))
            )
        else:
            new = self._coming(run, min(count, most))
        block_rewiring.add(state.ground, new)
        assert bool(block_rewiring.reached(state.net)[-1][before].all()), "an output is cut off"

    def _coming(self, run: Run[GrowthState[Replaced]], count: int) -> Marked:
        """The new edges: skips and others as many as they are to be, if there is room for them."""
        state = run.method_state
        net, pairs = state.net, block_rewiring.all_pairs(state.net)
        scores = missing_edge_scores.RULES[self.where](run, pairs)
        skips = block_rewiring.sharing(count, self.skips, (state.memory.new, state.memory.skips))
        sorts = (
            ([p for p in pairs if block_rewiring.is_skip(p)], skips),
            ([p for p in pairs if not block_rewiring.is_skip(p)], count - skips),
        )
        new: Marked = {}
        for sort, wanted in sorts:
            new |= block_rewiring.coming(net, {p: scores[p] for p in sort}, wanted)
        state.memory.new += block_rewiring.count(new)
        state.memory.skips += block_rewiring.count(
            {p: new[p] for p in new if block_rewiring.is_skip(p)}
        )
        return new

    def _grown_up(self, state: GrowthState) -> int:
        """Edges born before this step may go: those of the beginning always may."""
        if not self.grace:
            return state.ground.step
        return max(1, state.steps[-self.grace]) if len(state.steps) >= self.grace else 1

    @override
    def measures(self, run: Run[GrowthState[Replaced]]) -> Measures:
        """`skip_edges` there are; `skip_share`, of all new edges so far, in [0, 1]."""
        state = run.method_state
        live = sum(block.live for p, block in state.net.each() if block_rewiring.is_skip(p))
        share = state.memory.skips / max(1, state.memory.new)
        return {**super().measures(run), "skip_edges": live, "skip_share": share}


def _floors(state: GrowthState[Replaced]) -> dict[tuple[int, int], int]:
    return {pair(name): count for name, count in state.memory.floors.items()}
