"""Paths of the checkout, and the folders that commands write to.

One rule: what is generated lies below the current folder. make and the programs of scripts/ run in
the checkout, so there it is the checkout's.
"""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
"""The package `espalier`: its rooms, and the folder of each kind of component."""

ROOT = LIBRARY.parents[1]
"""The checkout: the folder of Kconfig, Makefile and defconfigs/."""

SWEEP_CONFIGS = Path("sweep_configs")
RESULTS = Path("test_matrix_results")


def cache_folder() -> Path:
    """Return where caches are: $XDG_CACHE_HOME/espalier, by default ~/.cache/espalier.

    Without a home there is no cache: then it is a folder that cannot be made.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "espalier"
    except RuntimeError:
        return Path(os.devnull) / "espalier"
