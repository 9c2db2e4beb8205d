"""`sweep-clean`: remove the generated sweep."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from espalier.core.paths import SWEEP_CONFIGS


@click.command()
def command() -> int:
    """Remove sweep_configs/ and its drafts, never results."""
    for folder in [SWEEP_CONFIGS, *Path().glob(f".{SWEEP_CONFIGS}.*")]:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:  # a link goes, and what it leads to stays
            folder.unlink(missing_ok=True)
    return 0
