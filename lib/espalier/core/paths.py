"""Where things are. Paths are relative to the checkout: make and scripts/ run everything there."""

from __future__ import annotations

from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
"""The package `espalier`: its rooms, and the folder of each kind of component."""

ROOT = LIBRARY.parents[1]
"""The checkout: the folder of Kconfig, Makefile and defconfigs/."""

SWEEP_CONFIGS = Path("sweep_configs")
RESULTS = Path("test_matrix_results")
