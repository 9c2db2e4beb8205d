"""The classes of the library in the plainest loop of a user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import loops
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import espalier
from espalier.methods.own_loop.own_loop import OwnLoop
from espalier.optimizers.lean import LeanAdam

SPARSE: dict[str, Any] = {"density": 0.4, "seed": 3}
REWIRED: dict[str, Any] = {**SPARSE, "total_steps": 30, "frequency": 4, "stop": 0.9}
PRUNED: dict[str, Any] = {
    "target_sparsity": 0.7,
    "warmup_steps": 2,
    "ramp_end_step": 20,
    "frequency": 3,
}


class TrainingBatches:
    """The batches of `loops`, as a DataLoader yields them."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (loops.batch(step) for step in range(6))


SAMPLES: dict[str, Any] = {"batches": TrainingBatches(), "loss": F.cross_entropy}
MEASURED: dict[str, Any] = {**SAMPLES, **PRUNED, "timing": "gradual"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "MagnitudePruning": PRUNED,
    "MovementPruning": PRUNED,
    "StatePruning": PRUNED,
    "SnipPruning": {**SAMPLES, "target_sparsity": 0.7, "criterion_batches": 6},
    "GraspPruning": {**SAMPLES, "target_sparsity": 0.7, "temperature": 100.0},
    "SynFlowPruning": {**SAMPLES, "target_sparsity": 0.7, "criterion_rounds": 20},
    "WandaPruning": MEASURED,
    "OBDPruning": MEASURED,
    "OBSPruning": {**MEASURED, "block": 4},
    "RandomPruning": PRUNED,
    "StaticSparse": SPARSE,
    "SET": REWIRED,
    "RigL": REWIRED,
    "SNFS": REWIRED,
    "DSR": REWIRED,
    "GraNet": REWIRED,
    "SRigL": REWIRED,
    "CHT": REWIRED,
    "CHTs": REWIRED,
}
"""Every class, with arguments by which it acts within so few steps."""
Trained = tuple[nn.Module, torch.optim.Optimizer, OwnLoop]
Build = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


def adamw(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """The harness's, whose first step imports no compiler."""
    return LeanAdam(parameters, 0.01, weight_decay=0.01, decoupled_weight_decay=True)


def torchs_adamw(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """torch's own, as users build it."""
    return torch.optim.AdamW(parameters, lr=0.01)


def start(name: str, optimizer: Build = adamw, model: nn.Module | None = None) -> Trained:
    """A model, its optimizer and the method `name`, before the first step."""
    model = model or loops.network()
    built = optimizer(model.parameters())
    return model, built, getattr(espalier, name)(model, built, **ARGUMENTS[name])


def train(trained: Trained, first: int, last: int) -> None:
    """Updates `first` to `last`; what is pruned is checked after each."""
    model, optimizer, method = trained
    for step in range(first, last):
        loops.backward(model, step)
        optimizer.step()
        method.step()
        method.masks.assert_masked(optimizer)
