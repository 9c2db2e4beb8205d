"""`sweep-status`: show the progress of a sweep, while it runs or after it."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import sweep_dir
from espalier.core.paths import RESULTS
from espalier.run.status_text import status_lines
from espalier.store.results_dir import newest_sweep


@click.command()
@sweep_dir
def command(folder: Path | None) -> int:
    """Show the progress of a sweep, while it runs or after it."""
    for line in status_lines(folder or newest_sweep(RESULTS)):
        print(line)
    return 0
