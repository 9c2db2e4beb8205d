"""The symbols that all methods of sparse training share: density and first mask."""

from __future__ import annotations

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.initial_mask import InitialMask
from espalier.sparse.initial_edges import EdgePlan


@kconfig_dataclass
class SparsePlan(EdgePlan):
    """The density of a sparse network, its allocation to layers, and its first mask and weights."""

    start: InitialMask
