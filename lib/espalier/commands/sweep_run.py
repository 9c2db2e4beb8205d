"""`sweep-run`: run the plan of a sweep, or continue it."""

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
@click.option("--dry-run", is_flag=True, help="print what would run, and stop")
@run_options
def command(config_dir: Path, dry_run: bool, **options: Any) -> int:
    """Run the plan of a sweep, or continue it.

    The exit code is 0 if every trial passed, 1 if some did not, and 130 after a signal.
    """
    chosen = RunOptions(**options)
    plan = planning.open_plan(config_dir)
    usual = config_dir == SWEEP_CONFIGS and chosen.output is None
    again = "make sweep-run" if usual else "the same command"
    request = chosen.request(plan, config_texts(config_dir, plan.trials), again)
    return launch.preview(request) if dry_run else launch.run(request)
