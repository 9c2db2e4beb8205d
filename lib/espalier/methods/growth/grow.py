"""Growth of edges at a few events, until every block or layer has a given density.

Source: Evci et al. 2020, arXiv 1911.11134, for edges of weight 0 where the gradient is largest.
Differs: nothing is dropped.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import edges
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement import missing_edge_scores
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.edge_editor import EdgeEditor, mask_indices
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.sparse.selection import select_missing


@kconfig_dataclass
class Grow(GrowingMethod[Memory]):
    """Add the same share of a block's missing edges at each event, up to the density `to`."""

    to: float
    where: Literal["gradient", "extrema", "random"]

    @override
    def begin(self, editor: EdgeEditor) -> Memory:
        if not any(edges(self.to, b.mask.numel()) > b.live for _, b in editor.net.each()):
            raise CannotTrain(
                "nothing_to_grow",
                f"CONFIG_GROW_TO={self.to:g} is no more than what there is already: raise it, or "
                f"lower {editor.density_symbol}",
            )
        return Memory()

    @override
    def act(self, run: Run[GrowthState], max_edges: int) -> None:
        """Add each block's quota, cut down to `max_edges` in the order of the blocks."""
        state = run.method_state
        left = self.events_left(run)
        blocks = dict(state.net.each())
        lacking = {p: edges(self.to, b.mask.numel()) - b.live for p, b in blocks.items()}
        scores = missing_edge_scores.CRITERIA[self.where](run, list(blocks))
        for pair, block in blocks.items():
            quota = min(max_edges, -(-max(0, lacking[pair]) // left))
            if quota > 0:
                new = select_missing(scores[pair].to(block.weight), ~block.mask, quota)
                operations.add_edges(state.editor, pair, mask_indices(new))
                max_edges -= quota

    @override
    def measures(self, run: Run[GrowthState]) -> Measures:
        return {**super().measures(run), "target_sparsity": round(1 - self.to, 12)}
