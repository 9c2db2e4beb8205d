"""Sparse training with the edges it began with: the control of all that rewires."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.growth.method import SparseTraining


@dataclass(frozen=True)
class Static(SparseTraining):
    """Edges drawn once."""
