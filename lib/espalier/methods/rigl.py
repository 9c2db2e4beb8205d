"""RigL: the smallest weights go, edges come where the gradient is largest.

Source: Evci et al. 2020, Rigging the Lottery: Making All Tickets Winners, arXiv 1911.11134.
Differs: what goes does not come back in the same event; the gradient is of a batch drawn for it,
in evaluation mode; the largest weight of each unit stays.
"""

from __future__ import annotations

from torch import Tensor

from espalier.contracts import Run
from espalier.growth import scoring
from espalier.growth.method import Rewiring
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class RigL(Rewiring):
    """Growth by |dL/dw|."""

    def scores(self, run: Run) -> list[Tensor]:  # noqa: D102
        weights = run.method_state.edges.weights
        return scoring.gradient(run.model, weights, scoring.drawn(run, run.batch_size))
