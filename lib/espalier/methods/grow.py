"""Edges come at a few moments until every block is as dense as asked for.

Source: Evci et al. 2020, arXiv 1911.11134, for edges of weight 0 where the gradient is largest.
Differs: nothing goes; it is growth alone.
"""

from __future__ import annotations

from typing import Any, Literal

from espalier.contracts import CannotTrain, Run
from espalier.growth import operations, selecting
from espalier.growth.blocks import edges
from espalier.growth.ground import places
from espalier.growth.growing import GrowingMethod, Grown
from espalier.kconfig.options import kconfig_dataclass
from espalier.sparse.selection import select_missing


@kconfig_dataclass
class Grow(GrowingMethod):
    """Each block gets the same share of what it is to get in all at each moment."""

    to: float
    where: Literal["gradient", "extrema", "random"]

    def attach(self, run: Run) -> None:  # noqa: D102
        super().attach(run)
        state: Grown = run.method_state
        if not any(edges(self.to, b.mask.numel()) > b.live for _, b in state.net.each()):
            raise CannotTrain(
                "nothing_to_grow",
                f"CONFIG_GROW_TO={self.to:g} is no more than what there is already: raise it, or "
                "lower CONFIG_BLOCKS_DENSITY",
            )

    def act(self, run: Run, most: int) -> None:
        """Each block's quota, cut down to `most` in the order of the blocks."""
        state: Grown = run.method_state
        left = self.left(run)
        blocks = dict(state.net.each())
        lacking = {p: edges(self.to, b.mask.numel()) - b.live for p, b in blocks.items()}
        scores = selecting.RULES[self.where](run, list(blocks))
        for pair, block in blocks.items():
            quota = min(most, -(-max(0, lacking[pair]) // left))
            if quota > 0:
                wanted = select_missing(scores[pair].to(block.weight), ~block.mask, quota)
                operations.add_edges(state.ground, pair, places(wanted))
                most -= quota

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        return {**super().measures(run), "target_sparsity": round(1 - self.to, 12)}
