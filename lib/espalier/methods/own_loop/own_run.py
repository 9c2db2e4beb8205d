"""A run whose loop is the user's: it has a length and no data."""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import TypeVar, override

from espalier.core.contracts import Method, Run

State_co = TypeVar("State_co", default=object, covariant=True)


class OwnRun(Run[State_co]):
    """What hooks are given in place of the harness's run; every update is an epoch of its own.

    It has no `train`, no `validation` and no `batch_size`: a method that reads one cannot be used
    in a loop of the user's. Criteria look at `samples`, which the user gives.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        method: Method[State_co],
        total_steps: int,
        seed: int,
    ) -> None:
        self.model, self.optimizer, self.method = model, optimizer, method
        self.epochs, self.step, self.epoch = total_steps, 0, 0
        self.generators = {"method": torch.Generator().manual_seed(seed)}
        self.augmentation, self.layers, self.samples = None, None, None

    @property
    @override
    def steps_per_epoch(self) -> int:
        return 1
