"""A trial of the real tree whose accuracy depends on its learning rate and its seed alone."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from espalier.core.trial import Emit, Result, Status, Task


def accuracy(config: Mapping[str, str]) -> float:
    """The best is 90 at a rate of 0.01, less by ten for each factor of ten."""
    away = abs(math.log10(float(config["LEARNING_RATE"])) + 2)
    return 90 - 10 * away + int(config["SEED"]) / 100


def train(task: Task, emit: Emit) -> Result:
    """Pass, or fail where the rate is above FAILS_ABOVE; note each end in the file ENDS."""
    del emit
    config = task.trial.config
    if ends := os.environ.get("ENDS"):
        with Path(ends).open("a", encoding="utf-8") as file:
            file.write(f"{task.trial.id}\n")
    return result(config)


def result(config: Mapping[str, str]) -> Result:
    if float(config["LEARNING_RATE"]) > float(os.environ.get("FAILS_ABOVE", "1")):
        return Result(Status.FAILED, "diverged", "loss is not finite")
    measures = {"val_acc": accuracy(config), "live_parameters": int(config["BATCH_SIZE"])}
    return Result(Status.PASSED, measures=measures)
