"""Where things are: every path is relative to the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the folder of Kconfig, Makefile and defconfigs/."""

SWEEP_CONFIGS = Path("sweep_configs")
RESULTS = Path("test_matrix_results")
