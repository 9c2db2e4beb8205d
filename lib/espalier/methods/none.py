"""No pruning: the control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espalier.contracts import Method, Run
from espalier.growth.blocks import missing
from espalier.sparse.masked_linear import count_parameters


@dataclass(frozen=True)
class NoPruning(Method):
    """Plain training."""

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        return {"sparsity": missing(run.model), "live_parameters": count_parameters(run.model)}
