"""A run with the recipe, the schedule and the steps by which the loop trains it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import nn

from espalier.core.component import symbol
from espalier.core.contracts import LrSchedule, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.norms import limit_norm
from espalier.rates.scaling import UpdateScale
from espalier.train.engine.early_stopping import EarlyStopping, EarlyStopPlan
from espalier.train.engine.task_sequence import TaskSequence


@kconfig_dataclass
class Recipe:
    """The symbols of the loop itself."""

    epochs: int = symbol("NUM_EPOCHS")
    batch_size: int = symbol("BATCH_SIZE")
    seed: int = symbol("SEED")
    learning_rate: float = symbol("LEARNING_RATE")
    grad_clip_norm: float = symbol("GRAD_CLIP_NORM")
    amp: Literal["off", "bf16", "fp16"] = symbol("AMP")
    compile: bool = symbol("COMPILE")
    cpu_threads: int = symbol("CPU_THREADS")
    devices: int = symbol("DEVICES_PER_TRIAL")
    early_stop: EarlyStopPlan | None = None


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains one run by its recipe and its learning-rate schedule.

    With `check` the method asserts its invariants after every update. No model that does not see
    what it predicts has a validation loss below `least_loss`. The `course` says which samples an
    epoch trains on. `rates` scales what an update does to parts of the model. Alone, it computes
    with at most `micro_batch` samples at once (0: with all of a batch).
    """

    run: Run
    recipe: Recipe
    schedule: LrSchedule
    check: bool = False
    least_loss: float = 0.0
    course: TaskSequence = TaskSequence()
    rates: UpdateScale | None = None
    micro_batch: int = 0

    @cached_property
    def forward(self) -> nn.Module:
        """The model, compiled if the recipe says so."""
        return compiled(self.run.model) if self.recipe.compile else self.run.model

    @cached_property
    def scaler(self) -> torch.amp.GradScaler:
        """The scaler that keeps float16 gradients in range; does nothing in other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.recipe.amp == "fp16")

    @cached_property
    def stopping(self) -> EarlyStopping | None:
        """The rule that may end the run before its last epoch."""
        plan = self.recipe.early_stop
        return None if plan is None else plan.begin()

    @property
    def ended(self) -> bool:
        """Whether the run is complete, by its number of epochs or because it was stopped."""
        stopped = self.stopping is not None and self.stopping.stopped
        return stopped or self.run.epoch == self.run.epochs

    @property
    def device(self) -> torch.device:
        """Where the run trains."""
        return self.run.train.device

    def autocast(self) -> Any:
        """Return the context of forward passes: the recipe's number format."""
        if self.recipe.amp == "off":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self.recipe.amp == "bf16" else torch.float16
        return torch.autocast(self.device.type, dtype=kind)

    def set_rate(self) -> None:
        """Give the optimizer the learning rate of the coming update."""
        run = self.run
        factor = self.schedule.factor(run.step, run.steps_per_epoch, run.epochs)
        for group in run.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        if self.rates is not None:
            self.rates.prepare()

    def after_backward(self) -> None:
        """Show the method the gradients, then limit their norm."""
        self.run.method.after_backward(self.run)
        if self.recipe.grad_clip_norm > 0:
            limit_norm(self.run.model.parameters(), self.recipe.grad_clip_norm)
        if self.rates is not None:
            self.rates.before()

    def after_step(self) -> None:
        """Count the update that is done and let the method act on it."""
        if self.rates is not None:
            self.rates.after()
        self.run.step += 1
        self.run.method.after_step(self.run)
        if self.check:
            self.run.method.check(self.run)


def compiled(model: nn.Module) -> nn.Module:
    """Return `model` compiled as in a fresh process.

    What earlier trials of this worker compiled is forgotten first: past a limit torch would run
    later models uncompiled, and their numbers would depend on what ran before.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)  # tells the compiler too
    torch.compiler.reset()
    module: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return module
