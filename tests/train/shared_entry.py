"""An entry for trials over several processes: each leaves what it holds in the trial's folder."""

from __future__ import annotations

import os
import signal
from typing import Any

import torch

from espalier.contracts import CannotTrain
from espalier.train import distributed, entry
from espalier.train.loop import Loop
from espalier.train.trainee import Trainee
from espalier.trial import Job, Result, Status


def train(job: Job) -> Result:
    """Train as the real entry does, or as the setting ACT says."""
    try:
        return ACTS[job.settings["ACT"]](job)
    except (CannotTrain, distributed.RanksDivergedError) as error:  # an error costs the process
        if distributed.is_joined():
            torch.distributed.destroy_process_group()
        return Result(Status.FAILED, type(error).__name__, str(error))


def kept(job: Job) -> Result:
    """Train, and save what is held in the end."""
    trainee, _ = entry.prepare(job)
    with distributed.joined(job, trainee.recipe, trainee.device):
        outcomes = [outcome for _, outcome in Loop([trainee]).epochs()]
        distributed.check_agreement(trainee.run)
    torch.save(held(trainee), job.directory / f"rank{job.rank}.pt")
    return Result(Status.PASSED, history=[one for one in outcomes if isinstance(one, dict)])


def held(trainee: Trainee) -> dict[str, Any]:
    run = trainee.run
    return {
        "tensors": dict(run.model.state_dict()),
        "method": run.method.state_dict(run),
        "optimizer": run.optimizer.state_dict()["state"],
        "changes": run.method.changes(run),
        "drawn": torch.rand(3),
    }


def apart(job: Job) -> Result:
    """Let a parameter, of the last process only, move by one rounding."""
    trainee, _ = entry.prepare(job)
    with distributed.joined(job, trainee.recipe, trainee.device):
        epochs = Loop([trainee]).epochs()
        next(epochs)
        weight = next(trainee.run.model.parameters())
        if job.rank == 1:
            weight.data[0].nextafter_(torch.tensor(9.0))
        next(epochs)
    return Result(Status.PASSED)


def killed(job: Job) -> Result:
    """Let the last process die between two epochs."""
    trainee, _ = entry.prepare(job)
    with distributed.joined(job, trainee.recipe, trainee.device):
        for _ in Loop([trainee]).epochs():
            if job.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
    return Result(Status.PASSED)


ACTS = {"real": entry.train_trial, "kept": kept, "apart": apart, "kill": killed}
