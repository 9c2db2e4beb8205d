"""Growth without an end set beforehand: a layer or edges at each event, until it no longer pays.

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
from espalier.methods.growth.growing_method import GrowingMethod, validate
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.methods.growth.timing.stop_rule import StopRule, StopState


@dataclass
class IndefiniteMemory(Memory):
    """The state of the stop rule."""

    rule: StopState = field(default_factory=StopState)

    @override
    def state_dict(self) -> StateDict:
        return {"rounds": vars(self.rule).copy()}

    @classmethod
    @override
    def from_state(cls, saved: Mapping[str, Any]) -> Self:
        return cls(StopState(**saved["rounds"]))


@kconfig_dataclass
class Indefinite(GrowingMethod[IndefiniteMemory]):
    """Insert a layer or add edges, until the stop `rule` ends growth.

    The layer comes behind the node with the largest share of extreme units, if that share is above
    `crowded` or no block lacks an edge. Else a `share` of the live edges is added in all blocks.
    """

    share: float
    crowded: float
    where: Literal["gradient", "random"]
    rule: StopRule

    @property
    @override
    def needs_graph(self) -> str:
        return "layers are inserted"

    @override
    def begin(self, editor: EdgeEditor) -> IndefiniteMemory:
        net = editor.net
        if net.live >= self.rule.max_edges:
            raise CannotTrain(
                "nothing_to_grow",
                f"CONFIG_INDEFINITE_MOST={self.rule.max_edges} is no more than the {net.live} "
                "live edges that there are: raise it, or lower CONFIG_BLOCKS_DENSITY",
            )
        return IndefiniteMemory()

    @override
    def act(self, run: Run[GrowthState[IndefiniteMemory]], max_edges: int) -> None:
        state = run.method_state
        memory = state.memory.rule
        if memory.ended:
            return
        loss = validate(run)[0]
        memory.update(self.rule, loss, state.net.live)
        if not memory.ended:
            self._grow(run, min(max_edges, self.rule.max_edges - state.net.live))

    def _grow(self, run: Run[GrowthState], max_edges: int) -> None:
        state = run.method_state
        extrema = missing_edge_scores.find_hidden_extrema(run)
        shares = {
            n: float((e.dead | e.saturated | e.hot).double().mean()) for n, e in extrema.items()
        }
        worst = max(shares, key=lambda node: shares[node], default=0)
        full = all(bool(block.mask.all()) for _, block in state.net.each())
        if worst and (full or shares[worst] > self.crowded) and state.net.sizes[worst] <= max_edges:
            operations.insert_layer(state.graph, worst)
        elif not full:
            self._add_edges(run, min(max_edges, math.ceil(self.share * state.net.live)))

    def _add_edges(self, run: Run[GrowthState], count: int) -> None:
        """Add the `count` edges with the highest scores of all blocks together."""
        state = run.method_state
        scores = missing_edge_scores.CRITERIA[self.where](run, state.net.pairs)
        block_rewiring.add(
            state.editor, block_rewiring.select_top_missing(state.net, scores, count)
        )

    @override
    def measures(self, run: Run[GrowthState[IndefiniteMemory]]) -> Measures:
        """Return `growth_ended` (`gain`, `budget`, `moments`, `time`; empty before), and others."""
        state = run.method_state
        ended = state.memory.rule.ended
        if not ended and state.num_events >= self.schedule.events:
            ended = "moments"
        if not ended and run.step >= self.schedule.last_step(run.total_steps):
            ended = "time"
        return {**super().measures(run), "layers": state.graph.net.last, "growth_ended": ended}
