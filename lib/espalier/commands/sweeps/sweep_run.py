"""`sweep-run`: run the plan of a sweep, or continue it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.option_types import PATH, make_option
from espalier.commands.options.run_options import RunOptions, run_options
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS, SWEEP_CONFIGS
from espalier.plan import planning
from espalier.plan.plan import config_texts
from espalier.run import launch
from espalier.run.opening.launch_request import LaunchRequest
from espalier.run.status_text import continuing
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store
from espalier.store.sweep_state import status_in


@click.command()
@click.option("--config-dir", type=PATH, help=f"folder of the plan  [default: {SWEEP_CONFIGS}]")
@make_option("DIR", "--dir", "folder", type=PATH, help="go on with this sweep; needs no plan")
@click.option("--dry-run", is_flag=True, help="print what would run, and stop")
@run_options
def command(config_dir: Path | None, folder: Path | None, dry_run: bool, **options: Any) -> int:
    """Run the plan of a sweep, or continue it.

    The exit code is 0 if every trial passed, 1 if some did not, and 130 after a signal.
    """
    chosen = RunOptions.taken(options)
    if folder is None:
        request = _planned(chosen, config_dir or SWEEP_CONFIGS)
    else:
        _check_alone(folder, config_dir, chosen.output)
        request = chosen.stored(folder)
    return launch.preview(request) if dry_run else launch.run(request)


def _planned(chosen: RunOptions, config_dir: Path) -> LaunchRequest:
    try:
        plan = planning.open_plan(config_dir)
    except UserError as error:
        raise UserError(f"{error}{_alternative()}") from error
    return chosen.request(plan.header(), config_texts(config_dir, plan.trials))


def _alternative() -> str:
    """Return how to go on with the newest sweep, if it has not ended: that takes no plan."""
    for folder in sweeps(RESULTS)[:1]:
        with suppress(UserError), Store.open(folder / STORE, readonly=True) as store:
            sweep, header = status_in(store), store.header
            if sweep.done < sweep.total:
                return f"; or go on with the newest sweep: {continuing(folder, header)}"
    return ""


def _check_alone(folder: Path, config_dir: Path | None, output: Path | None) -> None:
    """Raise UserError for another source of trials, or another place, beside that folder."""
    for name, value in (("--config-dir", config_dir), ("--output-dir", output)):
        if value is not None:
            raise UserError(f"{name} {value}: --dir {folder} says that already; leave one out")
