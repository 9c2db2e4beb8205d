"""`sweep-status`: beside a sweep's runner or after it."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options import sweep_dir
from espalier.paths import RESULTS
from espalier.sweep.results_dir import newest
from espalier.sweep.status import status_lines


@click.command()
@sweep_dir
def command(folder: Path | None) -> int:
    """Say how far a sweep is, beside its runner or after it."""
    for line in status_lines(folder or newest(RESULTS)):
        print(line)
    return 0
