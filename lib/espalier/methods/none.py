"""No pruning: the control."""

from __future__ import annotations

from typing import Any

from espalier.contracts import Method, Run
from espalier.growth.blocks import missing
from espalier.kconfig.options import kconfig_dataclass
from espalier.sparse.method import parameters


@kconfig_dataclass
class NoPruning(Method):
    """Plain training."""

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        return {"sparsity": missing(run.model), "live_parameters": parameters(run)}
