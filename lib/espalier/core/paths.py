"""Paths of the Kconfig tree, and the folders that commands write to.

One rule: what is generated lies below the current folder. make and the programs of scripts/ run in
the checkout, so there it is the checkout's. An installed package holds the tree itself, and nothing
is written into it.
"""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
"""The package `espalier`: its rooms, and the folder of each kind of component."""

INSTALLED = (LIBRARY / "Kconfig").is_file()
"""Whether this is an installed package; in a checkout the tree begins above the library."""

ROOT = LIBRARY if INSTALLED else LIBRARY.parents[1]
"""The folder of Kconfig, models/ and defconfigs/: the checkout, or the installed package."""

BASE = Path() if INSTALLED else ROOT
"""What relative paths of a configuration begin at: the checkout, or the current folder."""

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
