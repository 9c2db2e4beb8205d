"""A trial of an arm that is like every other: what a seed gives, and chance.

Its accuracy is a count over 216 samples. How likely each is to be right is the seed's, the same for
all arms; which are right hangs on the trial's identity alone, so on no processor and no order.
"""

from __future__ import annotations

import random

from espalier.core.trial import Emit, Result, Status, Task

SAMPLES, RIGHT, SWAY = 216, 0.97, 0.01
"""Samples, the usual share of them that is right, and the deviation of that from seed to seed."""


def alike(task: Task, emit: Emit) -> Result:
    """Pass with an accuracy in percent."""
    shared = random.Random(f"seed {task.trial.config['SEED']}")
    share = min(1.0, RIGHT + SWAY * shared.gauss(0, 1))
    own = random.Random(task.trial.id)
    right = sum(own.random() < share for _ in range(SAMPLES))
    emit({"epoch": 1, "epochs": 1})
    return Result(Status.PASSED, measures={"val_acc": 100 * right / SAMPLES})
