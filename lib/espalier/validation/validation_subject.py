"""The subject of a validation: the trial of a configuration, without its method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core.contracts import CannotTrain
from espalier.core.errors import UserError
from espalier.core.trial import EPOCHS, Task, Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.store.results_dir import METHOD
from espalier.train import worker_entry
from espalier.train.engine.trainer import Trainer

WHOLE = {"EARLY_STOP_PATIENCE": "0"}
"""Values that let a check train to its end, in place of the configured ones."""


def make_validation_task(path: Path, epochs: str | None = None) -> Task:
    """Return the task of the trial of a `.config`, without its method.

    Raises UserError if there are several trials.
    """
    plan = planning.plan_of_single_trial(path, "validated")
    changes = {**WHOLE, EPOCHS: epochs} if epochs else WHOLE
    trial = plain_trial(plan.trials[0], plan.controls, changes)
    return Task.single(trial, plan.settings, path.parent)


def plain_trial(
    trial: Trial, controls: Mapping[str, Sequence[str]], changes: Mapping[str, str]
) -> Trial:
    """Return `trial` with the control method and `changes`. Raises UserError."""
    symbols = Symbols(tree.parse())
    values = {**trial.config, **changes, METHOD: controls[METHOD][0]}
    for _ in range(2):  # a later value may be what makes an earlier one visible
        assign.load(symbols, values)
    config = assign.effective_config(symbols, symbols.identity)
    for name in [*changes, METHOD]:
        if config.get(name, values[name]) != values[name]:
            rule = assign.why_invalid(symbols, name, values[name])
            raise UserError(f"CONFIG_{name}={values[name]}: {rule}")
    return replace(trial, config=config)


def prepare_trainer(task: Task) -> Trainer:
    """Return a fresh training of a task. Raises UserError if it cannot be trained."""
    try:
        return worker_entry.prepare(task)[0]
    except CannotTrain as error:
        raise UserError(str(error)) from None
