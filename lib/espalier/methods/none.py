"""No pruning: the control."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import Method, Run
from espalier.core.self_measuring import Measures, count_parameters, own_sparsity
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class NoPruning(Method):
    """Plain training."""

    @override
    def measures(self, run: Run) -> Measures:
        return {"sparsity": own_sparsity(run.model), "live_parameters": count_parameters(run.model)}
