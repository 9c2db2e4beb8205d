"""`resume`: a new sweep of one trial that goes on from a snapshot, as it was or with more epochs.

It is run as any sweep is, so its results, its log and its own snapshots are where those of others
are; what it went on from is a copy, and the trial that it was taken of stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from espalier.commands.option_types import PATH, in_process, results_of_run
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.records import Provenance
from espalier.plan.branch_plan import FREE, plan_branch, read_changes
from espalier.plan.plan import Plan, render
from espalier.run import launch
from espalier.store import results_dir


@click.command()
@click.argument("snapshot", type=PATH, help="epoch_N.json or epoch_N.pt of a trial")
@click.argument(
    "changes",
    nargs=-1,
    metavar="[SYMBOL=VALUE]...",
    help=f"a symbol and its value; one of {', '.join(FREE)}",
)
@results_of_run
@in_process
def command(snapshot: Path, changes: Sequence[str], output: Path | None, in_process: bool) -> int:
    """Go on from a snapshot in a sweep of its own, with other values if any are given."""
    from espalier.train.checkpoints import snapshot_files
    from espalier.train.checkpoints.branch import copy_snapshot

    start = snapshot_files.load(snapshot)
    start.read()  # whether it is whole
    values = read_changes(changes)
    plan = plan_branch(Provenance.from_json(start.about["made"]), values, str(start.path))
    (trial,) = plan.trials
    _check_epochs(trial.config["NUM_EPOCHS"], start.epoch)
    folder = output or results_dir.timestamped(RESULTS)
    if not (folder / results_dir.STORE).exists():
        name = results_dir.directory_name(trial, plan.controls)
        copy_snapshot(start, trial, folder / name, values)
    return launch.run(_request(plan, folder, in_process))


def _check_epochs(epochs: str, over: int) -> None:
    if int(epochs) <= over:
        raise UserError(f"CONFIG_NUM_EPOCHS={epochs}: must be more than the {over} that are over")


def _request(plan: Plan, folder: Path, in_process: bool) -> launch.LaunchRequest:
    written, trials = render(plan)
    return launch.LaunchRequest(
        header=written.header(),
        trials=trials,
        results=RESULTS,
        output=folder,
        parallel=1,
        pack=1,
        new=False,
        entry=launch.ENTRY,
        in_process=in_process,
        command="the same command, with --output-dir and this folder,",
    )
