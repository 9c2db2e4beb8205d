"""`sweep-run`: the plan of a folder, run to its end or as far as it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from espalier.commands.option_types import PATH
from espalier.commands.run_options import RunOptions, run_options
from espalier.core.paths import SWEEP_CONFIGS
from espalier.plan import planning
from espalier.plan.plan import config_texts
from espalier.run import launch


@click.command()
@click.option("--config-dir", type=PATH, default=SWEEP_CONFIGS, help="folder of the plan")
@click.option("--dry-run", is_flag=True, help="say what would run, and stop")
@run_options
def command(config_dir: Path, dry_run: bool, **options: Any) -> int:
    """Run the plan of --config-dir, or go on with it.

    Exit code 0: every trial passed; 1: some did not; 130: stopped by a signal.
    """
    chosen = RunOptions(**options)
    plan = planning.open_plan(config_dir)
    usual = config_dir == SWEEP_CONFIGS and chosen.output is None
    again = "make sweep-run" if usual else "the same command"
    request = chosen.request(plan, config_texts(config_dir, plan.trials), again)
    return launch.preview(request) if dry_run else launch.run(request)
