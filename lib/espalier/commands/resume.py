"""`resume`: continue a trial from a snapshot, in a new sweep of one trial.

It runs as any sweep does, so its results, log and snapshots are where those of others are. It
continues from a copy: the trial of the snapshot stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from espalier.commands.options.option_types import PATH, in_process, results_of_run
from espalier.core import component, decoding
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.records import Provenance
from espalier.core.trees.needed_trees import check_components
from espalier.core.trial import EPOCHS
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.branch_plan import FREE, plan_branch, read_changes
from espalier.plan.plan import Plan, render
from espalier.run import entries, launch
from espalier.run.opening.launch_request import LaunchRequest
from espalier.store import results_dir

if TYPE_CHECKING:
    from espalier.train.checkpoints.snapshot_files import Snapshot


@click.command()
@click.argument("snapshot", type=PATH, help="epoch_N.json or epoch_N.pt of a trial")
@click.argument(
    "changes",
    nargs=-1,
    metavar="[SYMBOL=VALUE]...",
    help=f"new values; a symbol is one of {', '.join(FREE)}, or a path or check of the data",
)
@results_of_run
@in_process
def command(snapshot: Path, changes: Sequence[str], output: Path | None, in_process: bool) -> int:
    """Continue a trial from a snapshot, in a new sweep and with the values that are given."""
    from espalier.train.checkpoints import snapshot_files
    from espalier.train.checkpoints.branch import copy_snapshot

    start = snapshot_files.load(snapshot)
    start.read()  # raises if it is damaged
    made = _provenance(start)
    symbols = Symbols(tree.parse())
    values = read_changes(changes, symbols)
    plan = plan_branch(made, values, str(start.path), symbols)
    (trial,) = plan.trials
    if int(epochs := trial.config[EPOCHS]) <= start.epoch:
        raise UserError(
            f"CONFIG_{EPOCHS}={epochs}: must be more than the {start.epoch} that are over"
        )
    folder = output or results_dir.new_sweep_path(RESULTS)
    if not (folder / results_dir.STORE).exists():
        name = results_dir.directory_name(trial, plan.controls)
        copy_snapshot(start, trial, folder / name, values)
    return launch.run(_request(plan, folder, in_process, start.manifest["sha256"]))


def _provenance(start: Snapshot) -> Provenance:
    """Return what a snapshot was made with. Raises UserError if a tree of it is not given."""
    try:
        made = decoding.provenance(start.manifest["made"])
    except decoding.ContentError as error:
        raise UserError(f"{start.path}: damaged: {error}") from None
    recorded = made.code.trees if made.code else None
    check_components(made.config or {}, component.KINDS, recorded, str(start.path))
    return made


def _request(plan: Plan, folder: Path, in_process: bool, state: str) -> LaunchRequest:
    """Return what to run: a plan of its own, as from its start the trial would be another."""
    written, trials = render(plan)
    header = written.header()
    plan_id = hashlib.sha256(f"{header.plan_id} from {state}".encode()).hexdigest()[:12]
    return LaunchRequest(
        header=replace(header, plan_id=plan_id),
        trials=trials,
        results=RESULTS,
        output=folder,
        parallel=1,
        pack=1,
        new=False,
        entry=entries.LIBRARY,
        in_process=in_process,
    )
