"""No pruning: the control."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.contracts import Method, Run
from espalier.measured import Measures, own_sparsity
from espalier.sparsity.method import parameters


@dataclass(frozen=True)
class NoPruning(Method):
    """Plain training."""

    @override
    def measures(self, run: Run) -> Measures:
        return {"sparsity": own_sparsity(run.model), "live_parameters": parameters(run)}
