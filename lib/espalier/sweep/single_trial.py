"""The plan of a `.config` with one trial, for commands about a single one."""

from __future__ import annotations

from pathlib import Path

from espalier.errors import UserError
from espalier.sweep import planning
from espalier.sweep.plan import Plan


def single_plan(path: Path, action: str) -> Plan:
    """Return the plan of a `.config` with one trial. Raises UserError if it has several.

    `action` is what the trial is to be in the error: `remapped`, `evaluated`.
    """
    plan = planning.plan_from_config(path)
    if len(plan.trials) != 1:
        several = f"{len(plan.trials)} trials, and one can be {action} at a time"
        raise UserError(f"{path}: means {several}; set CONFIG_PRUNING_MODE_SINGLE=y and the like")
    return plan
