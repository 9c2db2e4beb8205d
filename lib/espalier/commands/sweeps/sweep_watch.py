"""`sweep-watch`: show a running sweep from another terminal."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import Switch, make_option, sweep_dir
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.run.displays.watched_sweep import sweep_to_watch, watch

_LEFT = "the view has ended; a sweep that runs goes on"


@click.command()
@sweep_dir
@make_option(
    "WAIT",
    "--wait",
    "upcoming",
    is_flag=True,
    type=Switch(),
    help="wait for the next sweep to begin, unless one runs",
)
def command(folder: Path | None, upcoming: bool) -> int:
    """Show a running sweep from another terminal, until it ends.

    It is only read. The exit code is that of the sweep: 0 if every trial passed, 1 if some did not;
    and 130 if no runner has it and it has not come to its end, or after Ctrl-C, which ends the view
    alone.
    """
    if folder is not None and upcoming:
        raise UserError(f"--wait: --dir {folder} says which sweep it is; leave one out")
    try:
        return watch(folder or sweep_to_watch(RESULTS, upcoming))
    except KeyboardInterrupt:
        print(_LEFT)
        return EXIT_INTERRUPTED
