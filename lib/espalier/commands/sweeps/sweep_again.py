"""`sweep-again`: run trials of a sweep again, whatever came of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.option_types import make_option, sweep_dir
from espalier.commands.options.run_options import RunOptions, how_to_run
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.trial import Status
from espalier.run import launch
from espalier.store.results_dir import STORE, newest_sweep
from espalier.store.store import Store

ENDED = (Status.FAILED, Status.ERROR, Status.PASSED, Status.STOPPED)


@click.command()
@make_option("TRIALS", "--trials", help="names of trials, as config_003,config_007")
@make_option(
    "STATUS",
    "--status",
    help="as well as those that are failed, error, passed or stopped; or several",
)
@sweep_dir
@how_to_run
def command(trials: str | None, status: str | None, folder: Path | None, **options: Any) -> int:
    """Run trials of a sweep again, in its folder and whatever came of them.

    Earlier attempts stay, and the last one that has ended counts. The exit code is 0 if each of
    these trials passed, 1 if some did not, and 130 after a signal.
    """
    folder = folder or newest_sweep(RESULTS)
    with Store.open(folder / STORE, readonly=True) as store:
        numbers = {trial.name: trial.number for trial in store.trials()}
        directories = {name: number for number, name in store.directories().items()}
        states = store.states()
    named, statuses = _parts(trials), _statuses(status)
    if not named and not statuses:
        raise UserError(
            "sweep-again: names no trial; give TRIALS=config_003,config_007 or STATUS=failed"
        )
    again = {_number(name, numbers | directories, folder) for name in named}
    again |= {number for number, state in states.items() if state in statuses}
    if not again:
        raise UserError(f"{folder}: no trial is {' or '.join(statuses)}; nothing to run again")
    return launch.run(RunOptions.taken(options).stored(folder, sorted(again)))


def _parts(text: str | None) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text or "") if part]


def _statuses(text: str | None) -> list[Status]:
    """Return the statuses that a text names. Raises UserError."""
    names = _parts(text)
    for name in names:
        if name not in ENDED:
            raise UserError(f"STATUS={name}: must be one of {', '.join(ENDED)}")
    return [Status(name) for name in names]


def _number(name: str, numbers: Mapping[str, int], folder: Path) -> int:
    number = numbers.get(Path(name).name)  # or the path of its folder
    if number is None:
        names = list(numbers)
        raise UserError(f"TRIALS={name}: {folder} has no such trial; the first is {names[0]}")
    return number
