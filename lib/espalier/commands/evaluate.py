"""`evaluate`: measure a saved model on its data set."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import PATH
from espalier.plan import planning


@click.command()
@click.argument("model", type=PATH, help="the model.pt of a trial")
@click.option("--config", type=PATH, help=".config with the data settings  [default: the model's]")
@click.option("--data-dir", help="folder of the data sets  [default: the model's]")
def command(model: Path, config: Path | None, data_dir: str | None) -> int:
    """Measure a model that CONFIG_SAVE_MODEL saved, on validation and test data.

    Refuses data, or a preparation of data, other than those that the model was trained with.
    """
    from espalier.train.checkpoints.reevaluation import reevaluate

    plan = planning.plan_of_single_trial(config, "evaluated") if config else None
    others = (plan.trials[0].config, plan.settings) if plan else None
    for score in reevaluate(model, others, data_dir):
        numbers = f"loss {score.loss:.4f}, accuracy {score.accuracy:.2f} %"
        print(f"{score.split}: {numbers}, {score.samples} samples")
    return 0
