"""`sweep-rebuild`: make the store of a sweep again from the files of its folder."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import PATH, make_option
from espalier.core.paths import SWEEP_CONFIGS
from espalier.store import rebuild


@click.command()
@make_option("DIR", "--dir", "folder", type=PATH, required=True, help="folder of the sweep")
@click.option(
    "--config-dir",
    type=PATH,
    default=SWEEP_CONFIGS,
    help="folder of the plan, for sweeps whose folder does not have it",
)
def command(folder: Path, config_dir: Path) -> int:
    """Make the store of a sweep again from the files of its folder, if it is damaged or gone."""
    for line in rebuild.rebuild(folder, config_dir):
        print(line)
    return 0
