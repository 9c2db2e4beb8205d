"""`remap`: rename the tensors of a file to the names that the configured model has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from espalier.commands.options.option_types import PATH
from espalier.core.errors import UserError
from espalier.kconfig import dotconfig

if TYPE_CHECKING:
    from torch import nn

    from espalier.train.checkpoints.remapping import Remapping


@click.command()
@click.argument("state", type=PATH, help="a file that torch.save wrote")
@click.option(
    "--model",
    type=PATH,
    default=dotconfig.path,
    show_default=False,
    help="the .config of the model  [default: .config]",
)
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="rename OLD, a name or its beginning, before matching; may be repeated",
)
@click.option("--dry-run", is_flag=True, help="only print the report")
@click.option("--out", type=PATH, help="file for the renamed state dict")
def command(
    state: Path, model: Path, renames: Sequence[str], dry_run: bool, out: Path | None
) -> int:
    """Rename the tensors of a state dict to the names of the configured model.

    The exit code is 0 if every tensor has a place in the model, else 1 or 2.
    """
    if not (dry_run or out):
        raise UserError("remap: nothing to do: give --out FILE, or --dry-run to see the report")
    from espalier.train.checkpoints import tensor_files
    from espalier.train.checkpoints.remapping import remap, state_in

    tensors = state_in(tensor_files.read(state), state)
    remapping = remap(tensors, _build(model), renames=_pairs(renames), dry_run=True)
    print("\n".join(remapping.lines()))
    if dry_run or out is None:
        return 0 if remapping.complete else 1
    _write(remapping, state, out)
    return 0


def _write(remapping: Remapping, state: Path, out: Path) -> None:
    from espalier.train.checkpoints import tensor_files

    if not remapping.complete:
        fix = "give --rename OLD=NEW"
        raise UserError(f"{state}: does not fit the model: {remapping.describe_mismatch()}; {fix}")
    try:
        tensor_files.write(out, remapping.state)
    except OSError as error:
        raise UserError(f"{out}: {error.strerror or error}") from None
    print(f"{len(remapping.state)} tensors: {out}")


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if text.count("=") != 1 or not all(text.split("=")):
            raise UserError(f"--rename {text}: must be OLD=NEW")
    pairs = (text.split("=") for text in texts)
    return {old: new for old, new in pairs}


def _build(config: Path) -> nn.Module:
    """Return the configured model. Raises UserError."""
    from espalier.core.contracts import CannotTrain
    from espalier.core.trial import Task
    from espalier.plan import planning
    from espalier.train import worker_entry

    plan = planning.plan_of_single_trial(config, "remapped")
    task = Task.single(plan.trials[0], plan.settings, config.parent)
    try:
        return worker_entry.prepare(task)[0].run.model
    except CannotTrain as error:
        raise UserError(f"{config}: {error}") from None
