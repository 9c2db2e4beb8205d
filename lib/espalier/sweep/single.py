"""Configurations that mean one trial, for commands that look at one."""

from __future__ import annotations

from pathlib import Path

from espalier.errors import UserError
from espalier.sweep import planning
from espalier.sweep.plan import Plan


def single(path: Path, done: str) -> Plan:
    """The plan of a `.config` with one trial, to be `done` something to. Raises UserError."""
    found = planning.plan_from_config(path)
    if len(found.trials) != 1:
        several = f"{len(found.trials)} trials, and one can be {done} at a time"
        raise UserError(f"{path}: means {several}; set CONFIG_PRUNING_MODE_SINGLE=y and the like")
    return found
