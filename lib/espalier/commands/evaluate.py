"""`evaluate`: a saved model on its data set, or not at all."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.option_types import PATH
from espalier.plan import planning


@click.command()
@click.argument("model", type=PATH, help="the file that a trial left (model.pt)")
@click.option("--config", type=PATH, help="data as this .config has them  [default: own]")
@click.option("--data-dir", help="folder of the data sets  [default: as it was]")
def command(model: Path, config: Path | None, data_dir: str | None) -> int:
    """Say how good a model is that CONFIG_SAVE_MODEL left, on validation and test data.

    Refused where the data, or what is done to them, are not those that it was trained with.
    """
    from espalier.train.checkpoints.reevaluation import reevaluate

    plan = planning.plan_of_single_trial(config, "evaluated") if config else None
    others = (plan.trials[0].config, plan.settings) if plan else None
    for score in reevaluate(model, others, data_dir):
        numbers = f"loss {score.loss:.4f}, accuracy {score.accuracy:.2f} %"
        print(f"{score.split}: {numbers}, {score.samples} samples")
    return 0
