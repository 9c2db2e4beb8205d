"""Runs of one linear layer, small enough to follow by hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from espalier.core.contracts import LrSchedule, Method, Run
from espalier.core.samples import Split
from espalier.train.engine import seeds
from espalier.train.engine.trainer import Recipe, Trainer


@dataclass(frozen=True)
class Halving(LrSchedule):
    """Halves the rate at each update, so every step shows in the optimizer's group."""

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 0.5**step


def trainer(run, recipe=None, check=False):
    return Trainer(run, recipe or Recipe(), Halving(), check)


def linear_run(method=None, lr=0.1, samples=5, batch_size=2, epochs=2):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    split = Split(torch.randn(samples, 1, 2, 2), torch.arange(samples) % 3)
    run = Run(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        method=method or Method(),
        train=split,
        validation=split,
        epochs=epochs,
        batch_size=batch_size,
        generators=seeds.make_generators(0, torch.device("cpu")),
    )
    run.attach()
    return run
