"""An entry for races: scores hang on the learning rate and the seed alone."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from espalier.core.trial import Emit, Result, Status, Task

BASES = {"0.1": 90.0, "0.01": 80.0, "0.02": 89.9}
"""Mean accuracies by learning rate; every other one diverges."""


def train(task: Task, emit: Emit) -> Result:
    """Pass with a score, in which all trials of a seed have a part in common."""
    time.sleep(float(os.environ.get("RACE_SECONDS", "0")))
    if "RACE_ENDS" in os.environ:  # a line for every time that a trial has run to its end
        with Path(os.environ["RACE_ENDS"]).open("a", encoding="utf-8") as file:
            file.write(f"{task.trial.id}\n")
    rate, seed = task.trial.config["LEARNING_RATE"], task.trial.config["SEED"]
    if rate not in BASES:
        return Result(Status.FAILED, "diverged", "loss is not finite")
    common, own = random.Random(seed).gauss(0, 1), random.Random(f"{rate} {seed}").gauss(0, 0.5)
    score = BASES[rate] + common + own
    return Result(Status.PASSED, measures={"val_acc": score, "val_loss": 100 - score})
