"""Growth without an end set beforehand: at each moment a layer or edges, until it no longer pays.

Source: the idea is StructureNet's indefinite growth; Chen, Goodfellow and Shlens 2016, "Net2Net",
arXiv 1511.05641, for layers that begin as an identity.
Differs: a layer is inserted without changing what the network computes, the optimizer's state is
kept, and a rule says when it ends. The earlier code drew the next layer anew, counted units below
a threshold of its own as extreme, stopped by the test set, and grew to 490,379 numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.growing_method import GrowingMethod, validated
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.structure import operations
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.methods.growth.timing.stop_rule import Rounds, StopRule


@dataclass
class RoundsMemory(Memory):
    """What came of the rounds so far."""

    rounds: Rounds = field(default_factory=Rounds)

    @override
    def state_dict(self) -> StateDict:
        return {"rounds": self.rounds.state_dict()}

    @classmethod
    @override
    def of_state(cls, saved: Mapping[str, Any]) -> Self:
        return cls(Rounds(**saved["rounds"]))


@kconfig_dataclass
class Indefinite(GrowingMethod[RoundsMemory]):
    """Behind the node with most units that stand out a layer comes, if more than `crowded` do.

    Or if no block lacks an edge. Else edges come, a `share` of those there are, in all blocks,
    `where` the gradient is largest.
    """

    share: float
    crowded: float
    where: Literal["gradient", "random"]
    rule: StopRule

    @override
    def begin(self, net: Blocks) -> RoundsMemory:
        if net.live >= self.rule.most:
            raise CannotTrain(
                "nothing_to_grow",
                f"CONFIG_INDEFINITE_MOST={self.rule.most} is no more than the {net.live} "
                "live edges that there are: raise it, or lower CONFIG_BLOCKS_DENSITY",
            )
        return RoundsMemory()

    @override
    def act(self, run: Run[GrowthState[RoundsMemory]], most: int) -> None:
        state = run.method_state
        rounds = state.memory.rounds
        if rounds.ended:
            return
        loss = validated(run)[0]
        rounds.heed(self.rule, loss, state.net.live)
        if not rounds.ended:
            self._grow(run, min(most, self.rule.most - state.net.live))

    def _grow(self, run: Run[GrowthState], most: int) -> None:
        state = run.method_state
        found = missing_edge_scores.extrema(run)
        shares = {
            n: float((e.dead | e.saturated | e.hot).double().mean()) for n, e in found.items()
        }
        worst = max(shares, key=lambda node: shares[node], default=0)
        full = all(bool(block.mask.all()) for _, block in state.net.each())
        if worst and (full or shares[worst] > self.crowded) and state.net.sizes[worst] <= most:
            operations.insert_layer(state.ground, worst)
        elif not full:
            self._add_edges(run, min(most, math.ceil(self.share * state.net.live)))

    def _add_edges(self, run: Run[GrowthState], count: int) -> None:
        """The `count` most wanted edges of all blocks together."""
        state = run.method_state
        scores = missing_edge_scores.RULES[self.where](run, state.net.pairs)
        block_rewiring.add(state.ground, block_rewiring.coming(state.net, scores, count))

    @override
    def measures(self, run: Run[GrowthState[RoundsMemory]]) -> Measures:
        """`growth_ended`: `gain`, `budget`, `moments` or `time`; empty as long as it has not."""
        state = run.method_state
        ended = state.memory.rounds.ended
        if not ended and state.moments >= self.moments.events:
            ended = "moments"
        if not ended and run.step >= self.moments.last(run.total_steps):
            ended = "time"
        return {**super().measures(run), "layers": state.net.last, "growth_ended": ended}
