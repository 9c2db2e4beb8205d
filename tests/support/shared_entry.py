"""An entry for trials over several processes: each leaves what it holds in the trial's folder."""

from __future__ import annotations

import os
import signal
from typing import Any

import torch

from espalier.core.contracts import CannotTrain
from espalier.core.trial import Emit, Result, Status, Task, discard
from espalier.train import worker_entry
from espalier.train.engine import distributed
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop


def train(task: Task, emit: Emit) -> Result:
    """Train as the real entry does, or as the setting ACT says."""
    try:
        return ACTS[task.settings["ACT"]](task, emit)
    except (CannotTrain, distributed.RanksDivergedError) as error:  # an error costs the process
        if distributed.is_joined():
            torch.distributed.destroy_process_group()
        return Result(Status.FAILED, type(error).__name__, str(error))


def kept(task: Task, emit: Emit = discard) -> Result:
    """Train, and save what is held in the end."""
    trainer, _ = worker_entry.prepare(task)
    with distributed.process_group(task, trainer.recipe, trainer.device):
        outcomes = [outcome for _, outcome in Loop([trainer]).epochs()]
        distributed.check_agreement(trainer.run)
    torch.save(held(trainer), task.directory / f"rank{task.rank}.pt")
    epochs = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    return Result(Status.PASSED, history=epochs)


def held(trainer: Trainer) -> dict[str, Any]:
    run = trainer.run
    return {
        "tensors": dict(run.model.state_dict()),
        "method": run.method.state_dict(run),
        "optimizer": run.optimizer.state_dict()["state"],
        "changes": run.method.changes(run),
        "drawn": torch.rand(3),
    }


def apart(task: Task, emit: Emit) -> Result:
    """Let a parameter, of the last process only, move by one rounding."""
    trainer, _ = worker_entry.prepare(task)
    with distributed.process_group(task, trainer.recipe, trainer.device):
        epochs = Loop([trainer]).epochs()
        next(epochs)
        weight = next(trainer.run.model.parameters())
        if task.rank == 1:
            weight.data[0].nextafter_(torch.tensor(9.0))
        next(epochs)
    return Result(Status.PASSED)


def killed(task: Task, emit: Emit) -> Result:
    """Let the last process die between two epochs."""
    trainer, _ = worker_entry.prepare(task)
    with distributed.process_group(task, trainer.recipe, trainer.device):
        for _ in Loop([trainer]).epochs():
            if task.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
    return Result(Status.PASSED)


ACTS = {"real": worker_entry.train_trial, "kept": kept, "apart": apart, "kill": killed}
