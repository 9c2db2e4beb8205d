"""Sparse training with the edges it began with: the control of all that rewires."""

from __future__ import annotations

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.sparse_training import SparseTraining


@kconfig_dataclass
class Static(SparseTraining):
    """Keep the edges of the first mask."""
