"""Sparse training with the edges it began with: the control of all that rewires."""

from __future__ import annotations

from espalier.growth.method import SparseTraining
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Static(SparseTraining):
    """Edges drawn once."""
