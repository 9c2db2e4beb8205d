"""Trials of races that cost nothing: arms that are all alike, and arms that differ.

The score of a trial hangs on its learning rate, its seed and RACE_DRAW of the environment alone.
All trials of a seed have a part in common, as where a seed is a hard one for every method.
"""

from __future__ import annotations

import os
import random
import time

from espalier.core.trial import Emit, Result, Status, Task

STEP = 0.5
"""By how much an arm that differs is better than the next one, in points: a deviation of noise."""


def alike(task: Task, emit: Emit) -> Result:
    """Pass with a score that no arm has more of than another."""
    return _passed(task, 0.0)


def apart(task: Task, emit: Emit) -> Result:
    """Pass after RACE_SECONDS with a score that is better for a smaller learning rate."""
    time.sleep(float(os.environ.get("RACE_SECONDS", "0")))
    return _passed(task, -1000 * STEP * float(task.trial.config["LEARNING_RATE"]))


def _passed(task: Task, more: float) -> Result:
    config = task.trial.config
    draw = f"{os.environ.get('RACE_DRAW', '0')} {config['SEED']}"
    common = random.Random(draw).gauss(0.0, 1.0)
    own = random.Random(f"{draw} {config['LEARNING_RATE']}").gauss(0.0, STEP)
    return Result(Status.PASSED, measures={"val_acc": 90.0 + common + own + more})
