"""An entry whose trials report epochs, without torch, and cannot pause.

A trial scores its SCORE plus the epoch, and stays for ever after that of HANGS; each epoch that is
trained leaves a line in EPOCHS_LOG.
"""

from __future__ import annotations

import time
from pathlib import Path

from espalier.core.trial import Emit, Record, Result, Status, Task


def train(task: Task, emit: Emit) -> Result:
    """Train to the end, from the first epoch."""
    config, history = task.trial.config, list[Record]()
    last = int(config["NUM_EPOCHS"])
    for epoch in range(1, last + 1):
        time.sleep(float(config["SECONDS"]))
        if "EPOCHS_LOG" in config:
            with Path(config["EPOCHS_LOG"]).open("a", encoding="utf-8") as file:
                file.write(f"{task.trial.name} {epoch}\n")
        record = {"epoch": epoch, "epochs": last, "val_acc": float(config["SCORE"]) + epoch}
        history.append(record)
        emit(record)
        if config.get("HANGS") == str(epoch):
            time.sleep(600)
    return Result(Status.PASSED, measures={"val_acc": history[-1]["val_acc"]}, history=history)
